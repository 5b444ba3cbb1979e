package loopback

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"spa-runner/internal/oracle"
)

func askSSM(t *testing.T, s *Server, keys aws.Credentials, region, target, body string) (status int, answer map[string]any, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL()+"/", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", target)
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	hash := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), keys, req, hex.EncodeToString(hash[:]), "ssm", region, time.Now()); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, _ := io.ReadAll(res.Body)
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return res.StatusCode, answer, res.Header
}

func TestGetParameter(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.ServeParameter("/cdk-bootstrap/x/version", Parameter{Account: "333333333333", Value: "21"})
	s.ServeParameter("/denied", Parameter{Account: "333333333333", Denied: true})
	deploy := s.RoleSession("arn:aws:iam::333333333333:role/Deploy", "a-test", time.Hour)
	const get = "AmazonSSM.GetParameter"
	wrong := deploy
	wrong.SecretAccessKey = "x"
	for name, test := range map[string]struct {
		keys           aws.Credentials
		region, target string
		body           string
		status         int
		want           string
	}{
		"there":           {deploy, "eu-west-1", get, `{"Name":"/cdk-bootstrap/x/version"}`, 200, "21"},
		"not there":       {deploy, "eu-west-1", get, `{"Name":"/none"}`, 400, "ParameterNotFound"},
		"another region":  {deploy, "eu-west-3", get, `{"Name":"/cdk-bootstrap/x/version"}`, 400, "ParameterNotFound"},
		"another account": {s.ServiceCredentials(), "eu-west-1", get, `{"Name":"/cdk-bootstrap/x/version"}`, 400, "ParameterNotFound"},
		"denied":          {deploy, "eu-west-1", get, `{"Name":"/denied"}`, 400, "AccessDeniedException"},
		"no name":         {deploy, "eu-west-1", get, `{}`, 400, "ValidationException"},
		"a wrong key":     {wrong, "eu-west-1", get, `{"Name":"/denied"}`, 403, "SignatureDoesNotMatch"},
		"a write":         {deploy, "eu-west-1", "AmazonSSM.PutParameter", `{"Name":"/denied"}`, 501, "NotImplemented"},
	} {
		status, answer, header := askSSM(t, s, test.keys, test.region, test.target, test.body)
		text, _ := json.Marshal(answer)
		if status != test.status || !bytes.Contains(text, []byte(`"`+test.want+`"`)) || header.Get("Date") == "" {
			t.Errorf("%s: got %d %s, want %d %s", name, status, text, test.status, test.want)
		}
	}
	for _, want := range []string{"ssm GetParameter", "ssm PutParameter"} {
		if !slices.Contains(s.Requests(), want) {
			t.Errorf("no %q among %q", want, s.Requests())
		}
	}
}

// What the AWS CLI makes of it.
func TestGetParameterWithTheCLI(t *testing.T) {
	t.Parallel()
	oracle.Need(t, os.Getenv)
	if _, err := exec.LookPath("aws"); err != nil {
		t.Skip("the aws CLI is not here: not asked")
	}
	s, err := Start(t.Context(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.ServeParameter("/cdk-bootstrap/x/version", Parameter{Account: "333333333333", Value: "21"})
	keys := s.RoleSession("arn:aws:iam::333333333333:role/Deploy", "a-test", time.Hour)
	for name, want := range map[string]string{"/cdk-bootstrap/x/version": "21", "/none": "ParameterNotFound"} {
		cmd := exec.CommandContext(t.Context(), "aws", "ssm", "get-parameter", "--name", name, "--query", "Parameter.Value", "--output", "text")
		path, _ := exec.LookPath("aws")
		cmd.Env = []string{
			"PATH=" + path[:strings.LastIndexByte(path, '/')] + ":/usr/bin:/bin", "HOME=" + t.TempDir(), "AWS_ENDPOINT_URL=" + s.URL(), "AWS_DEFAULT_REGION=eu-west-1",
			"AWS_ACCESS_KEY_ID=" + keys.AccessKeyID, "AWS_SECRET_ACCESS_KEY=" + keys.SecretAccessKey, "AWS_SESSION_TOKEN=" + keys.SessionToken,
		}
		if out, _ := cmd.CombinedOutput(); !strings.Contains(string(out), want) {
			t.Errorf("%s: got %s, want %q", name, out, want)
		}
	}
}
