package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"go.uber.org/zap"

	"spa-runner/internal/awsname"
	"spa-runner/internal/identity"
	"spa-runner/internal/retry"
)

// The one call of Systems Manager is made by hand: its client would make the
// program larger by 1.3 MB.
// https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html

// ssmError is an answer that is no parameter.
type ssmError struct {
	Code, Message string
	status        int
	header        http.Header
}

func (e *ssmError) Error() string {
	return strings.TrimRight(fmt.Sprintf("Systems Manager answered %s: %s", cmp.Or(e.Code, http.StatusText(e.status)), e.Message), ": ")
}

// parameter reads a parameter in the region of the target.
func (d *diagnosis) parameter(ctx context.Context, as aws.CredentialsProvider, name string) (string, error) {
	return retry.Do(ctx, d.patience.sts, zap.NewNop(), "asking Systems Manager", func(ctx context.Context) (string, error) {
		return d.askSSM(ctx, as, name)
	}, func(err error) retry.Verdict {
		var refused *ssmError
		if !errors.As(err, &refused) {
			return retry.Connection(err)
		}
		if strings.HasPrefix(refused.Code, "Throttling") {
			return retry.Verdict{Again: true}
		}
		return retry.Status(refused.status, refused.header, time.Now())
	})
}

func (d *diagnosis) askSSM(ctx context.Context, as aws.CredentialsProvider, name string) (string, error) {
	region := d.config.DeployRegion
	endpoint := cmp.Or(d.config.Environ["AWS_ENDPOINT_URL_SSM"], aws.ToString(d.cfg.BaseEndpoint), "https://ssm."+region+"."+awsname.DNSSuffix(region))
	body, err := json.Marshal(map[string]string{"Name": name})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(endpoint, "/")+"/", bytes.NewReader(body))
	if err != nil {
		return "", fmt.Errorf("asking Systems Manager: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-amz-json-1.1")
	req.Header.Set("X-Amz-Target", "AmazonSSM.GetParameter")
	keys, err := as.Retrieve(ctx)
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(hash[:]), "ssm", region, time.Now()); err != nil {
		return "", fmt.Errorf("signing a request to Systems Manager: %w", err)
	}
	client := http.Client{Transport: d.config.Client.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(req)
	if err != nil {
		return "", fmt.Errorf("no answer from Systems Manager: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	return readParameter(res)
}

func readParameter(res *http.Response) (string, error) {
	text, err := io.ReadAll(io.LimitReader(res.Body, identity.MaxAnswer))
	if err != nil {
		return "", fmt.Errorf("reading the answer of Systems Manager: %w", err)
	}
	var answer struct {
		Parameter struct{ Value string }
		Type      string `json:"__type"`
		Message   string `json:"message"`
	}
	err = json.Unmarshal(text, &answer)
	if res.StatusCode != http.StatusOK {
		_, code, namespaced := strings.Cut(answer.Type, "#") // com.amazonaws.ssm#ParameterNotFound
		if !namespaced {
			code = answer.Type
		}
		return "", &ssmError{Code: code, Message: answer.Message, status: res.StatusCode, header: res.Header}
	}
	if err != nil || answer.Parameter.Value == "" {
		return "", errors.New("the answer of Systems Manager is no parameter: something answers in its place")
	}
	return answer.Parameter.Value, nil
}
