package awsname

import "strings"

// Session names are 2 to 64 characters of [\w+=,.@-]:
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const (
	minSession = 2
	maxSession = 64
)

// SessionName makes the RoleSessionName of an AssumeRole call, such as SettingsContext-17, from what the session is for and
// the number of the build; without a number it is the prefix alone. The name is what an auditor finds in CloudTrail, so
// it is made to fit rather than refused: a character that STS does not take becomes a dash, and what is too long is cut
// from the prefix, since the number is what tells two sessions apart.
func SessionName(prefix, number string) string {
	name, tail := sessionText(prefix), sessionText(number)
	if tail != "" {
		tail = "-" + tail
	}
	if room := max(0, maxSession-len(tail)); len(name) > room {
		name = name[:room]
	}
	name += tail
	for len(name) < minSession {
		name += "-"
	}
	return name[:min(len(name), maxSession)]
}

// sessionText puts a dash in the place of each character that a session name may not hold. What it returns is ASCII, so
// that cutting it does not split a character.
func sessionText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune("_+=,.@-", r):
			return r
		}
		return '-'
	}, s)
}
