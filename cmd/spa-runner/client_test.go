package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// asClient makes the test binary a client of AWS that a deployment runs: either
// "print", or the time for which to call, or "keys=2" to call until it was given
// two keys; or a URL to be printed.
const asClient = "TEST_AS_CLIENT"

// actAsClient is that client.
func actAsClient(how string) error {
	switch {
	case how == "print":
		return printTheEndpoint()
	case strings.HasPrefix(how, "http://"):
		answer, err := http.Get(how)
		if err != nil {
			return err
		}
		defer func() { _ = answer.Body.Close() }()
		_, err = io.Copy(os.Stdout, answer.Body)
		return err
	}
	long, err := time.ParseDuration(how)
	most, keys := 0, map[string]bool{}
	if count, isCount := strings.CutPrefix(how, "keys="); isCount {
		most, err = strconv.Atoi(count)
	}
	if err != nil {
		return err
	}
	cfg, err := config.LoadDefaultConfig(context.Background(), config.WithRetryMaxAttempts(1))
	if err != nil {
		return err
	}
	client, calls := sts.NewFromConfig(cfg), 0
	for start := time.Now(); calls == 0 || time.Since(start) < long || len(keys) < most; time.Sleep(200 * time.Millisecond) {
		key, err := cfg.Credentials.Retrieve(context.Background())
		if err != nil {
			return err
		}
		keys[key.AccessKeyID] = true
		who, err := client.GetCallerIdentity(context.Background(), nil)
		if err != nil {
			return fmt.Errorf("after %s and %d calls: %w", time.Since(start), calls, err)
		}
		if calls++; calls == 1 {
			fmt.Println("go sdk acts as", *who.Arn)
		}
	}
	fmt.Println("go sdk made all its calls")
	return nil
}

func printTheEndpoint() error {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, os.Getenv("AWS_CONTAINER_CREDENTIALS_FULL_URI"), nil)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", os.Getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	fmt.Println("status", answer.StatusCode)
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}
