package pipeline

import (
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// A deployment in the background is killed with the end of what started it. The
// status says nothing of it, so the log does.
func TestWhatOutlivesADeploymentIsTold(t *testing.T) {
	for script, want := range map[string]string{
		// Each waits until the other one is what it is to be.
		"sleep 60 & until grep -q sleep /proc/$!/comm; do :; done; exit 0":                               "[sleep]",
		"setsid sleep 60 & until grep -q sleep /proc/$!/comm; do :; done; exit 0":                        "[sleep]",
		"(setsid sh -c 'touch there; sleep 60; :' &); until test -e there; do sleep .01; done; rm there": "[sh]",
		"sleep 0.05": "",
	} {
		t.Run(script, func(t *testing.T) {
			rt, events, _ := testRuntime()
			deploy := Mint[Deploy](aws.CredentialsProvider(&authority{life: time.Hour}), func(...string) {})
			command := Command{Dir: t.TempDir(), Argv: []string{"sh", "-c", script}}
			if err := Exec(t.Context(), rt, deploy, command); err != nil {
				t.Fatal(err)
			}
			got := ""
			for _, e := range events.FilterMessageSnippet("outlived").All() {
				got += fmt.Sprint(e.ContextMap()["processes"])
			}
			if got != want {
				t.Errorf("got %q, want %q", got, want)
			}
			if err := Exec(t.Context(), rt, Credentials[None]{}, command); err != nil || events.FilterMessageSnippet("outlived").Len() > 1 {
				t.Errorf("of another step: got %v and %v", err, events.All())
			}
		})
	}
}
