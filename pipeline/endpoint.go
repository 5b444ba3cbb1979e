package pipeline

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"spa-runner/internal/guard"
)

// What clients are told: https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
// A client that finds the variables of keys, or AWS_CONTAINER_CREDENTIALS_RELATIVE_URI,
// prefers them, and one that finds AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE beside
// the token may refuse both, so a child has none of those.
const (
	endpointURI   = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
	endpointToken = "AWS_CONTAINER_AUTHORIZATION_TOKEN"
	endpointPath  = "/credentials"

	// endpointLimit is what a request or an answer may take. An honest client
	// needs a millisecond, and most give up after two seconds.
	endpointLimit = 5 * time.Second
	// endpointHeader bounds the headers of a request, in bytes.
	endpointHeader = 8 << 10
	// unbounded is what credentials without an end are said to last: clients
	// want to be told some end, and ask again before it.
	unbounded = time.Hour
)

// endpoint answers the processes of one child with the credentials of their
// scope, as the agent of ECS does for a container. What it answers is held in
// memory; it never makes a client wait for STS, since botocore waits for two
// seconds only.
type endpoint struct {
	holder *holder
	scope  string
	host   string // 127.0.0.1:PORT
	token  string
}

// ServeHTTP looks at the path and the method first, which the README tells
// everybody, and at the token last: who has none learns nothing else.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	creds, _ := e.holder.held()
	switch {
	case r.URL.Path != endpointPath:
		fail(w, http.StatusNotFound, "NotFound", "there is nothing at this path")
	case r.Method != http.MethodGet:
		w.Header().Set("Allow", http.MethodGet)
		fail(w, http.StatusMethodNotAllowed, "MethodNotAllowed", "credentials are only read here, with GET")
	// The name by which a client came matters too: a page in a browser on this
	// machine may reach the port by a name of its own (DNS rebinding).
	case r.Host != e.host || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(e.token)) != 1:
		fail(w, http.StatusForbidden, "Forbidden", "the Authorization header is not what "+endpointToken+" holds")
	case !usable(creds):
		fail(w, http.StatusServiceUnavailable, "ExpiredCredentials", fmt.Sprintf(
			"the credentials of scope %s ended at %s and could not be renewed: the log of spa-runner says why",
			e.scope, creds.Expires.UTC().Format(time.RFC3339)))
	default:
		end := creds.Expires
		if !creds.CanExpire {
			end = time.Now().Add(unbounded)
		}
		answer(w, http.StatusOK, map[string]string{
			"AccessKeyId": creds.AccessKeyID, "SecretAccessKey": creds.SecretAccessKey, "Token": creds.SessionToken,
			"Expiration": end.UTC().Format(time.RFC3339), "AccountId": creds.AccountID,
		})
	}
}

func fail(w http.ResponseWriter, status int, code, message string) {
	answer(w, status, map[string]string{"code": code, "message": message})
}

func answer(w http.ResponseWriter, status int, body map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away need not be told
}

// serve opens an endpoint for one child: vars lead to it, and stop closes it,
// with every connection, and ends the renewal. Both go on when ctx ends, since
// a child that was asked to stop still has to put its things in order.
func (h *holder) serve(ctx context.Context, rt *Runtime, scope string) (vars map[string]string, stop func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp4", "127.0.0.1:0")
	if err != nil {
		return nil, nil, fmt.Errorf("opening the endpoint of the credentials on 127.0.0.1: %w", err)
	}
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails (crypto/rand)
	e := &endpoint{holder: h, scope: scope, host: listener.Addr().String(), token: hex.EncodeToString(random)}
	rt.Redact(e.token)
	server := &http.Server{
		Handler: e, DisableGeneralOptionsHandler: true, MaxHeaderBytes: endpointHeader,
		ReadTimeout: endpointLimit, WriteTimeout: endpointLimit, ErrorLog: log.New(io.Discard, "", 0),
	}
	server.SetKeepAlivesEnabled(false) // nothing is kept open for a client that forgot about it
	renewing, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var both sync.WaitGroup
	both.Go(func() { _ = guard.Call(func() error { return server.Serve(listener) }) })
	both.Go(func() { _ = guard.Call(func() error { h.keepFresh(renewing, rt.Log); return nil }) })
	stop = func() {
		cancel()
		_ = server.Close()
		_ = listener.Close() // if Close came before Serve knew of it
		both.Wait()
	}
	return map[string]string{endpointURI: "http://" + e.host + endpointPath, endpointToken: e.token}, stop, nil
}

// bypassProxy keeps the requests to the endpoint from a proxy. botocore and the
// SDKs for Go and JavaScript ask no proxy for them anyway; what is made with
// libcurl would, and would show it the token.
func bypassProxy(vars map[string]string) {
	isSet := func(name string) bool { return vars[name] != "" }
	if !slices.ContainsFunc([]string{"HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"}, isSet) {
		return
	}
	// Who looks at one spelling alone must not miss what stands in the other.
	lists := map[string]string{"NO_PROXY": vars["NO_PROXY"], "no_proxy": vars["no_proxy"]}
	for name, other := range map[string]string{"NO_PROXY": "no_proxy", "no_proxy": "NO_PROXY"} {
		list := lists[name]
		if list == "" {
			list = lists[other]
		}
		if list != "*" && !slices.Contains(strings.Split(list, ","), "127.0.0.1") {
			list = strings.TrimPrefix(list+",127.0.0.1", ",")
		}
		vars[name] = list
	}
}
