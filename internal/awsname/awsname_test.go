package awsname

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestParseRoleAccepts(t *testing.T) {
	for arn, want := range map[string]Role{
		"arn:aws:iam::123456789012:role/Settings":                   {"aws", "123456789012", "Settings"},
		"arn:aws:iam::000000000001:role/service-role/code.build":    {"aws", "000000000001", "service-role/code.build"},
		"arn:aws-cn:iam::123456789012:role/a+b=c,d.e@f-g_h":         {"aws-cn", "123456789012", "a+b=c,d.e@f-g_h"},
		"arn:aws-us-gov:iam::123456789012:role/R":                   {"aws-us-gov", "123456789012", "R"},
		"arn:aws-iso:iam::123456789012:role/R":                      {"aws-iso", "123456789012", "R"},
		"arn:aws-iso-b:iam::123456789012:role/R":                    {"aws-iso-b", "123456789012", "R"},
		"arn:aws-eusc:iam::123456789012:role/R":                     {"aws-eusc", "123456789012", "R"},
		"arn:aws:iam::123456789012:role/" + strings.Repeat("n", 64): {"aws", "123456789012", strings.Repeat("n", 64)},
		// 510 characters of path, and the slash on both sides.
		"arn:aws:iam::123456789012:role/" + strings.Repeat("p", 510) + "/R": {"aws", "123456789012", strings.Repeat("p", 510) + "/R"},
	} {
		got, err := ParseRole(arn)
		if err != nil || got != want {
			t.Errorf("ParseRole(%q) = %+v, %v, want %+v", arn, got, err, want)
		}
		if got.String() != arn {
			t.Errorf("String() of %q = %q", arn, got)
		}
	}
}

func TestParseRoleMistakes(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "", "the role is empty"},
		{"space before", " arn:aws:iam::123456789012:role/R", "white space"},
		{"newline after", "arn:aws:iam::123456789012:role/R\n", "white space"},
		{"space that is invisible", "arn:aws:iam::123456789012:role/R\u200b", "invisible character"},
		{"no-break space", "arn:aws:iam::123456789012:role/R\u00a0", "white space"},
		{"quotes", `"arn:aws:iam::123456789012:role/R"`, "quotes"},
		{"typographic quotes", "“arn:aws:iam::123456789012:role/R”", "quotes"},
		{"placeholder", "arn:aws:iam::<account>:role/R", "placeholder"},
		{"variable", "arn:aws:iam::${ACCOUNT}:role/R", "placeholder or a variable"},
		{"dots", "arn:aws:iam::123456789012:role/...", "placeholder"},
		{"wildcard", "arn:aws:iam::123456789012:role/*", "placeholder"},
		{"name alone", "MyRole", "does not begin with arn:"},
		{"upper case", "ARN:aws:iam::123456789012:role/R", "does not begin with arn:"},
		{"one colon", "arn:aws:iam:123456789012:role/R", "a field is missing"},
		{"partition", "arn:amazon:iam::123456789012:role/R", `"amazon" is no partition`},
		{"no account", "arn:aws:iam:::role/R", `12 digits without dashes, got ""`},
		{"dashes", "arn:aws:iam::1234-5678-9012:role/R", "without dashes"},
		{"11 digits", "arn:aws:iam::12345678901:role/R", "12 digits"},
		{"digits of another script", "arn:aws:iam::12345678901٢:role/R", "12 digits"},
		{"region", "arn:aws:iam:eu-west-1:123456789012:role/R", `knows no regions, leave the field empty that holds "eu-west-1"`},
		{"session", "arn:aws:sts::123456789012:assumed-role/Deploy/session-1", "write the role's own ARN, arn:aws:iam::123456789012:role/Deploy ("},
		{"session in China", "arn:aws-cn:sts::123456789012:assumed-role/Deploy/s", "arn:aws-cn:iam::123456789012:role/Deploy ("},
		{"user", "arn:aws:iam::123456789012:user/Bob", "names a user"},
		{"policy", "arn:aws:iam::123456789012:policy/P", "names a policy"},
		{"root", "arn:aws:iam::123456789012:root", "names a root"},
		{"instance profile", "arn:aws:iam::123456789012:instance-profile/P", "the role in it"},
		{"another service", "arn:aws:s3::123456789012:role/R", `service "s3"`},
		{"role/ is missing", "arn:aws:iam::123456789012:MyRole", "no role/ before the name"},
		{"role: for role/", "arn:aws:iam::123456789012:role:MyRole", "no role/ before the name"},
		{"no name", "arn:aws:iam::123456789012:role/", "no name after role/"},
		{"no name, no slash", "arn:aws:iam::123456789012:role", "no name after role/"},
		{"slash at the end", "arn:aws:iam::123456789012:role/R/", "a slash too many"},
		{"two slashes", "arn:aws:iam::123456789012:role//R", "a slash too many"},
		{"character", "arn:aws:iam::123456789012:role/a:b", "not allowed in a role name"},
		{"letter that is not ASCII", "arn:aws:iam::123456789012:role/rôle", "not allowed in a role name"},
		{"65 characters", "arn:aws:iam::123456789012:role/" + strings.Repeat("n", 65), "65 characters, and 64"},
		{"long path", "arn:aws:iam::123456789012:role/" + strings.Repeat("p", 511) + "/R", "513 characters with its slashes, and 512"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseRole(c.in)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("ParseRole(%q) = %v, want an error with %q", c.in, err, c.want)
			}
			if got != (Role{}) {
				t.Errorf("with its error came %+v, want the zero value", got)
			}
		})
	}
}

func TestParseRoleErrorIsShort(t *testing.T) {
	_, err := ParseRole(strings.Repeat("x", 100_000))
	if err == nil || len(err.Error()) > 500 {
		t.Errorf("the error for 100 kB has %d bytes, want at most 500", len(err.Error()))
	}
}

func TestRegion(t *testing.T) {
	for _, good := range []string{
		"eu-west-1", "us-gov-west-1", "cn-north-1", "cn-northwest-1", "ap-southeast-4", "us-iso-east-1", "us-isob-east-1", "eusc-de-east-1",
		"mx-central-1", "il-central-1", "ap-east-12",
	} {
		if err := Region(good); err != nil {
			t.Errorf("Region(%q) = %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":                        "empty, it should look like eu-west-1",
		"eu-west-1a":              "is a zone, write its region, eu-west-1",
		"us-west-2-lax-1a":        "is a zone, write its region, us-west-2",
		"us-east-1-wl1-bos-wlz-1": "is a zone, write its region, us-east-1",
		"EU-WEST-1":               "is not a region, write eu-west-1",
		"eu_west_1":               "is not a region, write eu-west-1",
		"eu west 1":               "is not a region, write eu-west-1",
		" eu-west-1\n":            "is not a region, write eu-west-1",
		`"eu-west-1"`:             "is not a region, write eu-west-1",
		"europe":                  "should look like eu-west-1",
		"europe-west1":            "should look like eu-west-1",
		"us-east1":                "should look like eu-west-1",
		"aws-global":              "should look like eu-west-1",
		"fips-us-east-1":          "should look like eu-west-1",
		"eu-west-0":               "should look like eu-west-1",
		"eu-west-1.evil.example":  "should look like eu-west-1",
		"eu-west-1/":              "should look like eu-west-1",
		"eu-west-1\nx":            "should look like eu-west-1",
	} {
		err := Region(bad)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Region(%q) = %v, want an error with %q", bad, err, want)
		}
	}
}

// The partition data of the SDK is the source of the prefixes and suffixes; it is read where the module lies.
func TestPartitionsAreThoseOfTheSDK(t *testing.T) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2").Output()
	if err != nil {
		t.Skipf("finding the SDK's source with go list: %v", err)
	}
	data, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "internal", "endpoints", "awsrulesfn", "partitions.json"))
	if err != nil {
		t.Skipf("reading the SDK's partition data: %v", err)
	}
	var sdk struct {
		Partitions []struct {
			ID      string
			Outputs struct{ DNSSuffix string }
			Regions map[string]any
		}
	}
	if err := json.Unmarshal(data, &sdk); err != nil {
		t.Fatal(err)
	}
	regions := 0
	for _, p := range sdk.Partitions {
		if !partitionPattern.MatchString(p.ID) {
			t.Errorf("partition %s of the SDK is refused in a role's ARN", p.ID)
		}
		for region := range p.Regions {
			if strings.HasSuffix(region, "-global") {
				continue
			}
			regions++
			if err := Region(region); err != nil {
				t.Errorf("Region(%q) of the SDK: %v", region, err)
			}
			if got := PartitionOf(region); got != p.ID {
				t.Errorf("PartitionOf(%q) = %q, want %q", region, got, p.ID)
			}
			if got := DNSSuffix(region); got != p.Outputs.DNSSuffix {
				t.Errorf("DNSSuffix(%q) = %q, want %q", region, got, p.Outputs.DNSSuffix)
			}
		}
	}
	if len(sdk.Partitions) < 8 || regions < 40 {
		t.Errorf("the SDK's data has %d partitions and %d regions, want at least 8 and 40: was it read right?", len(sdk.Partitions), regions)
	}
}

func TestSessionName(t *testing.T) {
	long := strings.Repeat("p", 70)
	for _, c := range []struct{ prefix, number, want string }{
		{"SettingsContext", "17", "SettingsContext-17"},
		{"SettingsContext", "", "SettingsContext"},
		{"Settings Context/é", "1:2", "Settings-Context---1-2"},
		{"a+b=c,d.e@f-g_h", "1", "a+b=c,d.e@f-g_h-1"},
		{long, "17", long[:61] + "-17"},
		{long, "", long[:64]},
		{"x", strings.Repeat("9", 80), "-" + strings.Repeat("9", 63)},
		{"x", "", "x-"},
		{"", "", "--"},
		{"", "7", "-7"},
	} {
		if got := SessionName(c.prefix, c.number); got != c.want {
			t.Errorf("SessionName(%q, %q) = %q, want %q", c.prefix, c.number, got, c.want)
		}
	}
}

// arnOfRole is the form of IAM's reference, with the lengths left out.
var arnOfRole = regexp.MustCompile(`^arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=,.@-]{1,64}$`)

func FuzzParseRole(f *testing.F) {
	for _, seed := range []string{
		"arn:aws:iam::123456789012:role/Name", "arn:aws-cn:iam::123456789012:role/a/b/c", "arn:aws:sts::123456789012:assumed-role/N/s",
		"arn:aws:iam::1:role/", ":::::", "", "arn:aws:iam::123456789012:role/\xff", "arn:aws:iam::123456789012:role/a:b:c",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		role, err := ParseRole(s)
		if err == nil && role.String() != s {
			t.Errorf("ParseRole(%q).String() = %q", s, role)
		}
		if err != nil && (role != (Role{}) || len(err.Error()) > 1500) {
			t.Errorf("ParseRole(%q) = %+v with error %v", s, role, err)
		}
		if err == nil && !arnOfRole.MatchString(s) {
			t.Errorf("ParseRole takes %q", s)
		}
	})
}

// FuzzRegion: what a refusal tells to write is taken, and what is taken is fit for a host name.
func FuzzRegion(f *testing.F) {
	f.Add("aa-" + strings.Repeat("b", 2000) + "-10a")
	for _, seed := range []string{
		"eu-west-1", "EU-WEST-1", " eu_west_1 ", "eu-west-1a", "us-west-2-lax-1a", "us-gov-east-1", "eusc-de-east-1", "cn-north-1", "us-iso-east-1", "", "eu-west-", "eu-west-01", "x", "\xff", "eu-west-1\n", "'eu west 1'",
	} {
		f.Add(seed)
	}
	suggestion := regexp.MustCompile(`write (?:its region, )?(\S+)$`)
	host := regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]{1,2}$`)
	f.Fuzz(func(t *testing.T, s string) {
		err := Region(s)
		if err == nil {
			if !host.MatchString(s) || PartitionOf(s) == "" || DNSSuffix(s) == "" {
				t.Errorf("Region takes %q, of partition %q", s, PartitionOf(s))
			}
			return
		}
		if len(err.Error()) > 1500 {
			t.Errorf("the error for %q has %d bytes", s, len(err.Error()))
		}
		if m := suggestion.FindStringSubmatch(err.Error()); m != nil && Region(m[1]) != nil {
			t.Errorf("Region(%q) says %v, which is refused too", s, err)
		}
	})
}

func FuzzSessionName(f *testing.F) {
	allowed := regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]{2,64}$`)
	f.Add("SettingsContext", "17")
	f.Add("", "")
	f.Add("\xff é\n", strings.Repeat("9", 100))
	f.Fuzz(func(t *testing.T, prefix, number string) {
		if got := SessionName(prefix, number); !allowed.MatchString(got) {
			t.Errorf("SessionName(%q, %q) = %q, which STS refuses", prefix, number, got)
		}
	})
}
