// Package awsname knows what the names that operators write down look like: the ARN of a role, a region, the name of an
// STS session. It exists so that a typing mistake is found before the first call, and answered with what to write instead.
//
// Everything is decided by pattern. There is no list of regions or accounts that would be out of date with the next one
// that AWS opens, and nothing is asked of AWS: a well-formed name may still be the name of nothing.
package awsname

import (
	"errors"
	"fmt"
	"strings"
	"unicode"

	"spa-runner/internal/lazyregexp"
)

// roleForm is what every message about a role ends with: an example is read before a grammar is.
const roleForm = "arn:aws:iam::123456789012:role/Name"

// The limits of IAM, from https://docs.aws.amazon.com/IAM/latest/APIReference/API_Role.html. A path counts with its
// first and last slash. IAM allows more punctuation in a path than in a name; nobody was seen using it, a quote or a dollar
// sign in an ARN is nearly always a mistake, so that both follow the rule of the name here.
const (
	maxRoleName = 64
	maxRolePath = 512
)

var (
	partitionPattern = lazyregexp.New(`^aws(-cn|-us-gov|-eusc|-iso(-[a-z])?)?$`)
	accountPattern   = lazyregexp.New(`^[0-9]{12}$`)
	namePattern      = lazyregexp.New(`^[\w+=,.@-]+$`)
)

// Role is the parsed ARN of an IAM role. The zero value is no role, and its String is no ARN.
type Role struct {
	Partition string // aws, aws-cn, aws-us-gov, …
	Account   string // 12 digits; a string, since accounts may begin with 0
	Name      string // with its path, if it has one: service-role/Name
}

// String gives the ARN back, as it was read.
func (r Role) String() string {
	return "arn:" + r.Partition + ":iam::" + r.Account + ":role/" + r.Name
}

// ParseRole reads the ARN of a role as it is given to sts:AssumeRole. The error says what is wrong with s, quotes it and
// shows the right form; for the ARN of an assumed-role session it shows the very ARN to write.
func ParseRole(s string) (Role, error) {
	if s == "" {
		return Role{}, errors.New("the role is empty, it should look like " + roleForm)
	}
	role, err := parseRole(s)
	if err != nil {
		return Role{}, fmt.Errorf("%s is not the ARN of a role: %w", quote(s), err)
	}
	return role, nil
}

func parseRole(s string) (Role, error) {
	if err := stray(s); err != nil {
		return Role{}, err
	}
	fields := strings.SplitN(s, ":", 6)
	if fields[0] != "arn" {
		return Role{}, errors.New("it does not begin with arn:, it should look like " + roleForm)
	}
	if len(fields) != 6 {
		return Role{}, errors.New("a field is missing between the colons, of which iam has two, it should look like " + roleForm)
	}
	partition, service, region, account, resource := fields[1], fields[2], fields[3], fields[4], fields[5]
	if !partitionPattern.MatchString(partition) {
		return Role{}, fmt.Errorf("%s is no partition, write aws, aws-cn or aws-us-gov", quote(partition))
	}
	if !accountPattern.MatchString(account) {
		return Role{}, fmt.Errorf("an account is 12 digits without dashes, got %s", quote(account))
	}
	kind, name, _ := strings.Cut(resource, "/")
	role := Role{Partition: partition, Account: account, Name: name}
	if err := roleKind(role, service, kind); err != nil {
		return Role{}, err
	}
	if region != "" {
		return Role{}, fmt.Errorf("IAM knows no regions, leave the field empty that holds %s", quote(region))
	}
	return role, roleName(name)
}

// stray finds what copying and templates leave in a value. All of it would be found later too, but as a character that is
// not allowed somewhere, which is hard to see in a log.
func stray(s string) error {
	switch {
	case strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }):
		return errors.New("there is white space or an invisible character in it, take it out")
	case strings.ContainsAny(s, "\"'`“”‘’"):
		return errors.New("there are quotes in it, take them out")
	case strings.ContainsAny(s, "<>{}[]$%*") || strings.Contains(s, "...") || strings.Contains(s, "…"):
		return errors.New("a placeholder or a variable in it was not replaced, it should look like " + roleForm)
	}
	return nil
}

// roleKind refuses the ARNs of everything that is not a role and says, where that can be known, which role is meant.
func roleKind(role Role, service, kind string) error {
	switch {
	case service == "sts" && kind == "assumed-role":
		name, _, _ := strings.Cut(role.Name, "/")
		role.Name = name
		return fmt.Errorf("it names one session of a role, write the role's own ARN, %s (with the path after role/, if the role has one)", role)
	case service != "iam":
		return fmt.Errorf("it belongs to the service %s, and roles to iam, it should look like %s", quote(service), roleForm)
	case kind == "role" && role.Name != "":
		return nil
	case kind == "role":
		return errors.New("there is no name after role/, it should look like " + roleForm)
	case kind == "instance-profile":
		return errors.New("it names an instance profile, write the ARN of the role in it, like " + roleForm)
	case kind == "user", kind == "group", kind == "policy", kind == "root", kind == "oidc-provider", kind == "saml-provider":
		return fmt.Errorf("it names a %s, which nobody can assume, it should look like %s", kind, roleForm)
	}
	return errors.New("there is no role/ before the name, it should look like " + roleForm)
}

// roleName checks a name with its path.
func roleName(s string) error {
	segments := strings.Split(s, "/")
	for _, segment := range segments {
		if segment == "" {
			return errors.New("after role/ there is a slash too many")
		}
		if !namePattern.MatchString(segment) {
			return fmt.Errorf("%s has a character that is not allowed in a role name, those are letters, digits and _+=,.@-", quote(segment))
		}
	}
	name := segments[len(segments)-1]
	if len(name) > maxRoleName {
		return fmt.Errorf("the role name has %d characters, and %d are allowed", len(name), maxRoleName)
	}
	if path := len("/") + len(s) - len(name); path > maxRolePath {
		return fmt.Errorf("the path of the role has %d characters with its slashes, and %d are allowed", path, maxRolePath)
	}
	return nil
}

// quote shows a value in an error: with invisible characters made visible, and no more of it than fits a line, since a
// value that is badly wrong may be a whole file.
func quote(s string) string {
	const enough = 200
	if len(s) > enough {
		return fmt.Sprintf("%q and %d bytes more", s[:enough], len(s)-enough)
	}
	return fmt.Sprintf("%q", s)
}
