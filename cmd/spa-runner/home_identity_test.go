package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"spa-runner/internal/loopback"
)

// The build's own identity may be in the files of its home, which is where HOME
// says, and not where /etc/passwd does: the SDK looks for it before main begins, so
// that an environment that only main puts together comes too late.
func TestTheIdentityInTheHomeIsFound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *world){
		"its credentials": func(*world) {},
		"its profile":     func(w *world) { w.env["AWS_PROFILE"] = "build" },
		"named by a variable": func(w *world) {
			w.env["HOME"], w.env["AWS_SHARED_CREDENTIALS_FILE"] = t.TempDir(), filepath.Join(w.home, ".aws/credentials")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, loopback.Options{})
			service := w.aws.ServiceCredentials()
			keys := fmt.Sprintf("aws_access_key_id=%s\naws_secret_access_key=%s\naws_session_token=%s\n",
				service.AccessKeyID, service.SecretAccessKey, service.SessionToken)
			for file, profiles := range map[string]string{"credentials": "default", "config": "profile build"} {
				path := filepath.Join(w.home, ".aws", file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte("["+profiles+"]\n"+keys), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			for _, variable := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
				delete(w.env, variable)
			}
			w.env["AWS_EC2_METADATA_DISABLED"] = "true"
			change(w)
			w.serve()
			if o := w.run("run"); o.code != 0 || len(w.assumed()) != 2 {
				t.Errorf("%s", strings.TrimSpace(o.String()))
			}
		})
	}
}
