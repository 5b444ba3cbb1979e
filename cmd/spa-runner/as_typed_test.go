package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// asTyped types the first commands behind a text of a page as they stand there, with the
// AWS CLI and the profile devops, whose AWS is a handler.
func asTyped(t *testing.T, file, behind, dir string, aws http.HandlerFunc) (output string) {
	t.Helper()
	needsCLI(t)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	_, page, _ := strings.Cut(string(text), behind)
	commands := regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindStringSubmatch(page)
	if commands == nil {
		t.Fatalf("there are no commands behind %q", behind)
	}
	server := httptest.NewServer(aws)
	t.Cleanup(server.Close)
	config := filepath.Join(t.TempDir(), "config")
	profile := "[profile devops]\nregion = eu-west-1\naws_access_key_id = a\naws_secret_access_key = b\n"
	if err := os.WriteFile(config, []byte(profile), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", commands[1])
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "AWS_CONFIG_FILE=" + config, "AWS_ENDPOINT_URL=" + server.URL}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
	return string(out)
}

// called is the operation of a request and what it says.
func called(r *http.Request) (operation string, request map[string]any) {
	_ = json.NewDecoder(r.Body).Decode(&request)
	_, operation, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	return operation, request
}

func TestAskingTheLog(t *testing.T) {
	t.Parallel()
	asked, polls := []map[string]any{}, 0
	out := asTyped(t, "README.md", "\n### Questions to the log\n", t.TempDir(), func(w http.ResponseWriter, r *http.Request) {
		operation, request := called(r)
		answer := `{"queryId":"12ab"}`
		if operation == "StartQuery" {
			asked = append(asked, request)
		} else if polls++; request["queryId"] != "12ab" || polls == 1 {
			answer = `{"status":"Running","results":[]}`
		} else {
			answer = `{"status":"Complete","results":[[{"field":"step","value":"make-lint"},{"field":"failures","value":"2"},{"field":"@ptr","value":"x"}],
				[{"field":"step","value":"make-setup"},{"field":"failures","value":"1"}]]}`
		}
		_, _ = w.Write([]byte(answer))
	})
	if want := "make-lint\t2\nmake-setup\t1\n"; out != want || len(asked) != 1 {
		t.Fatalf("got %q, want %q, after %v", out, want, asked)
	}
	start, _ := asked[0]["startTime"].(float64)
	end, _ := asked[0]["endTime"].(float64)
	query, _ := asked[0]["queryString"].(string)
	if _, err := parseInsights(query); err != nil || asked[0]["logGroupName"] != "/aws/codebuild/Spa-DeployAutomationEnvironment" ||
		end-start < 30*24*3600 || end-start > 30*24*3600+60 || // the clock is asked twice
		time.Since(time.Unix(int64(end), 0)).Abs() > time.Hour {
		t.Errorf("asked for %v, %v", asked, err)
	}
}

func TestGettingTheReport(t *testing.T) {
	t.Parallel()
	const page, key = "<!DOCTYPE html>", "/bucket-of-ours/runs/Spa-DeployAutomationEnvironment/1a2b-3c4d/spa-run/report.html"
	dir := t.TempDir()
	out := asTyped(t, "../../README.md", "\nThe report of the last build", dir, func(w http.ResponseWriter, r *http.Request) {
		operation, request := called(r)
		text, _ := json.Marshal(request)
		answer := map[string]string{
			`ListBuildsForProject {"projectName":"Spa-DeployAutomationEnvironment"}`: `{"ids":["Spa-DeployAutomationEnvironment:1a2b-3c4d","Spa-DeployAutomationEnvironment:old"],"nextToken":"more"}`,
			`BatchGetBuilds {"ids":["Spa-DeployAutomationEnvironment:1a2b-3c4d"]}`:   `{"builds":[{"reportArns":["arn:aws:codebuild:eu-west-1:222222222222:report/g:5e"]}]}`,
			`DescribeTestCases {"reportArn":"arn:aws:codebuild:eu-west-1:222222222222:report/g:5e"}`: `{"testCases":[
				{"name":"make-lint","status":"FAILED","message":"make lint: exit status 2"},{"name":"make-deploy","status":"SKIPPED","message":"not started"}]}`,
			`BatchGetProjects {"names":["Spa-DeployAutomationEnvironment"]}`: `{"projects":[{"artifacts":{"type":"S3","location":"bucket-of-ours","path":"runs/Spa-DeployAutomationEnvironment","namespaceType":"BUILD_ID","name":"/"}}]}`,
		}[operation+" "+string(text)]
		if r.URL.Path == key {
			w.Header().Set("Last-Modified", "Sun, 01 Mar 2026 12:00:00 GMT")
			answer = page
		} else if answer == "" {
			t.Errorf("asked for %s %s, %s %s", operation, text, r.Method, r.URL.Path)
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = w.Write([]byte(answer))
	})
	if want := "make-lint\tFAILED\tmake lint: exit status 2\nmake-deploy\tSKIPPED\tnot started\n"; !strings.HasPrefix(out, want) {
		t.Errorf("got %q, want %q", out, want)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "report.html")); err != nil || string(got) != page {
		t.Errorf("got %q, %v", got, err)
	}
}
