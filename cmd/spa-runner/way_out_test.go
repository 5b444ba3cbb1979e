package main

import (
	"encoding/pem"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"spa-runner/internal/loopback"
)

// STS and both clones go out by one rule: the proxy of the environment, and
// certificates of a private authority. The servers are known by a name that only
// the proxy can reach.
func TestOneWayOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, loopback.Options{})
	w.serve()
	target, err := url.Parse(w.aws.URL())
	if err != nil {
		t.Fatal(err)
	}
	// httptest's certificate is for example.com.
	tls := httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.Out.Host = r.In.Host // it is part of the signatures
	}})
	t.Cleanup(tls.Close)
	var tunnels atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect || r.Host != "example.com:443" {
			http.Error(rw, "not here", http.StatusBadGateway)
			return
		}
		tunnels.Add(1)
		tunnel(rw, tls.Listener.Addr().String())
	}))
	t.Cleanup(proxy.Close)
	ca := filepath.Join(t.TempDir(), "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: tls.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o644); err != nil {
		t.Fatal(err)
	}
	w.env["AWS_ENDPOINT_URL"], w.env["CODE_COMMIT_ENDPOINT"] = "https://example.com", "https://example.com"
	w.env["CODE_GIT_URL"] = "https://example.com/git/code.git"
	w.env["HTTPS_PROXY"] = proxy.URL
	w.env["AWS_MAX_ATTEMPTS"] = "1"

	for _, bundle := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
		w.env[bundle] = ca
		tunnels.Store(0)
		if o := w.run("run"); o.code != 0 || tunnels.Load() < 1 {
			t.Errorf("%s: %d tunnels through the proxy, %v", bundle, tunnels.Load(), o)
		}
		delete(w.env, bundle)
		for _, dir := range []string{"settings", "code"} {
			if err := os.RemoveAll(filepath.Join(w.workdir, dir)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if o := w.run("run"); o.code != 125 || !strings.Contains(o.stdout, "certificate") {
		t.Errorf("an unknown authority: got %v", o)
	}
	w.env["AWS_CA_BUNDLE"] = filepath.Join(w.workdir, "no-such-file")
	if o := w.run("run"); o.code != 64 || !strings.Contains(o.stderr, "AWS_CA_BUNDLE") {
		t.Errorf("no such bundle: got %v", o)
	}
}

// tunnel joins a CONNECT request with an address.
func tunnel(rw http.ResponseWriter, address string) {
	server, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(rw, err.Error(), http.StatusBadGateway)
		return
	}
	defer server.Close()
	client, _, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	defer client.Close()
	_, _ = io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(server, client) }()
	_, _ = io.Copy(client, server)
}

// What answers in the place of STS may answer without end.
func TestAnEndlessAnswerOfSTSIsCutShort(t *testing.T) {
	t.Parallel()
	var sent atomic.Int64
	w := newWorld(t, loopback.Options{Middleware: func(http.Handler) http.Handler {
		return http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(rw, "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>")
			block := []byte(strings.Repeat("A", 64<<10))
			for sent.Load() < 1<<30 {
				n, err := rw.Write(block)
				sent.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
	}})
	w.env["AWS_MAX_ATTEMPTS"] = "1"
	o := w.run("run")
	if o.code != 125 || sent.Load() > 64<<20 {
		t.Errorf("%d bytes were taken, %v", sent.Load(), o)
	}
}
