package codecommit

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"spa-runner/internal/oracle"
)

// vector is what an official helper answered to fake credentials at a fixed time.
type vector struct {
	Helper          string
	Host            string
	Region          string
	Name            string
	Time            time.Time
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	SessionToken    string `json:"session_token"`
	User            string // from the AWS CLI
	EscapedUser     string `json:"escaped_user"` // from git-remote-codecommit, which puts it into a URL
	Password        string
}

func (v vector) credentials() aws.Credentials {
	return aws.Credentials{AccessKeyID: v.AccessKeyID, SecretAccessKey: v.SecretAccessKey, SessionToken: v.SessionToken}
}

// The vectors were made with AWS CLI 1.45.11 and git-remote-codecommit 1.17, by
//
//	python3 testdata/vectors.py > testdata/vectors.json
func readVectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []vector
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) < 20 {
		t.Fatalf("there are %d vectors, want at least 20", len(vectors))
	}
	return vectors
}

func TestSignIsThatOfTheOfficialHelpers(t *testing.T) {
	for _, v := range readVectors(t) {
		// Through Parse, so that the host is signed as Parse understands it: without a port.
		repo, _, err := Parse("https://"+v.Host+reposPath+v.Name, Defaults{Region: v.Region, Endpoint: v.Host})
		if err != nil {
			t.Error(err)
			continue
		}
		user, password := Sign(v.credentials(), repo, v.Time)
		if password != v.Password {
			t.Errorf("%s, %s, %s at %s: password %s, want %s", v.Helper, v.Host, v.Name, v.Time, password, v.Password)
		}
		if v.User != "" && user != v.User {
			t.Errorf("%s, %s: user %s, want %s", v.Helper, v.Host, user, v.User)
		}
		// NewAuth registers this form of the user name as a secret.
		if escaped := url.QueryEscape(user); v.EscapedUser != "" && escaped != v.EscapedUser {
			t.Errorf("%s, %s: user in a URL %s, want %s", v.Helper, v.Host, escaped, v.EscapedUser)
		}
		if (v.User == "") == (v.EscapedUser == "") {
			t.Errorf("the vector of %s for %s has no user name, or two", v.Helper, v.Host)
		}
	}
}

// The day of the scope changes at midnight UTC, wherever the clock is.
func TestSignInAnotherTimeZone(t *testing.T) {
	v := readVectors(t)[0]
	repo := Repository{Region: v.Region, Name: v.Name, Host: v.Host}
	_, got := Sign(v.credentials(), repo, v.Time.In(time.FixedZone("", 13*60*60)))
	if got != v.Password {
		t.Errorf("with a clock in UTC+13 the password is %s, want %s", got, v.Password)
	}
}

// Frozen vectors can be edited; those of a helper that is installed here cannot.
func TestVectorsAreFresh(t *testing.T) {
	oracle.Need(t, os.Getenv)
	if err := exec.Command("python3", "-c", "import awscli.customizations.codecommit").Run(); err != nil {
		t.Skip("python3 with the module awscli is not installed")
	}
	cmd := exec.Command("python3", "-W", "ignore", "testdata/vectors.py", "aws-cli")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("running the generator: %v\n%s", err, stderr.Bytes())
	}
	var fresh, frozen []vector
	if err := json.Unmarshal(out, &fresh); err != nil {
		t.Fatal(err)
	}
	for _, v := range readVectors(t) {
		if v.Helper == "aws-cli" {
			frozen = append(frozen, v)
		}
	}
	if len(fresh) != len(frozen) {
		t.Fatalf("the generator makes %d vectors of the AWS CLI, and %d are frozen", len(fresh), len(frozen))
	}
	for i := range fresh {
		if fresh[i] != frozen[i] {
			t.Errorf("the generator makes\n%+v, frozen is\n%+v", fresh[i], frozen[i])
		}
	}
}

// The whole program of AWS with its own clock, on what git would ask it for.
func TestSignAgainstTheLiveHelper(t *testing.T) {
	oracle.Need(t, os.Getenv)
	cli, err := exec.LookPath("aws")
	if err != nil {
		t.Skip("the AWS CLI is not installed")
	}
	home := t.TempDir()
	v := readVectors(t)[2]
	if v.SessionToken == "" {
		t.Fatal("the vector has no session token, choose another one")
	}
	cmd := exec.Command(cli, "codecommit", "credential-helper", "get")
	cmd.Env = []string{
		"HOME=" + home, "PATH=" + os.Getenv("PATH"), "AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_EC2_METADATA_DISABLED=true",
		"AWS_ACCESS_KEY_ID=" + v.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + v.SecretAccessKey, "AWS_SESSION_TOKEN=" + v.SessionToken,
	}
	cmd.Stdin = strings.NewReader("protocol=https\nhost=" + v.Host + "\npath=v1/repos/" + v.Name + "\n")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Skipf("the AWS CLI does not work here: %v\n%s", err, stderr.Bytes())
	}
	m := regexp.MustCompile(`^username=(.*)\npassword=((\w{16})\w{64})\n`).FindSubmatch(out)
	if m == nil {
		t.Fatalf("the AWS CLI answered %q", out)
	}
	now, err := time.Parse("20060102T150405Z", string(m[3]))
	if err != nil {
		t.Fatal(err)
	}
	user, password := Sign(v.credentials(), Repository{Region: v.Region, Name: v.Name, Host: v.Host}, now)
	if user != string(m[1]) || password != string(m[2]) {
		t.Errorf("Sign makes %s and %s, the AWS CLI %s and %s", user, password, m[1], m[2])
	}
}
