package main

import (
	"crypto/tls"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// fault is what stands between a request and the server it is for.
type misbehaviour func(w http.ResponseWriter, r *http.Request, next http.Handler)

// What a fault may befall.
const (
	stsCall      = "STS"
	settingsRefs = "refs of the settings"
	settingsPack = "pack of the settings"
	codeRefs     = "refs of the code"
	codePack     = "pack of the code"
)

func routeOf(r *http.Request) string {
	switch path := r.URL.Path; {
	case path == "/":
		return stsCall
	case strings.HasPrefix(path, "/v1/repos/") && strings.HasSuffix(path, "/info/refs"):
		return settingsRefs
	case strings.HasPrefix(path, "/v1/repos/"):
		return settingsPack
	case strings.HasSuffix(path, "/info/refs"):
		return codeRefs
	}
	return codePack
}

// script gives each route its faults, one a request, in turn. The route named by
// forever repeats its last one; after the others, requests pass.
type script struct {
	forever string

	mu     sync.Mutex
	faults map[string][]misbehaviour
	seen   map[string]int
}

func (s *script) next(route string) misbehaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[route]++
	left := s.faults[route]
	if len(left) == 0 {
		return nil
	}
	if len(left) > 1 || s.forever != route {
		s.faults[route] = left[1:]
	}
	return left[0]
}

func (s *script) requests(route string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen[route]
}

// play is the fault proxy.
func play(faults map[string][]misbehaviour, forever string) *script {
	return &script{faults: maps.Clone(faults), forever: forever, seen: map[string]int{}}
}

func (s *script) middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := s.next(routeOf(r)); f != nil {
			f(w, r, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// status answers with a status; header is name, value, name, value.
func status(code int, header ...string) misbehaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		http.Error(w, "a fault by script", code)
	}
}

// inSeconds is a Retry-After that is a date.
func inSeconds(n int) misbehaviour {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		date := time.Now().Add(time.Duration(n) * time.Second).UTC().Format(http.TimeFormat)
		status(503, "Retry-After", date)(w, r, next)
	}
}

// byItsClock is an answer of a server whose clock is ahead of ours.
func byItsClock(code int, ahead time.Duration) misbehaviour {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		status(code, "Date", time.Now().Add(ahead).UTC().Format(http.TimeFormat))(w, r, next)
	}
}

// refusedBySTS is an error as STS answers it.
func refusedBySTS(code int, name string, header ...string) misbehaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(code)
		fmt.Fprintf(w, "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>by script</Message></Error></ErrorResponse>", name)
	}
}

// part sends the first half of the true answer and then does what then says.
func part(then func(w http.ResponseWriter, r *http.Request, rest []byte)) misbehaviour {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		whole := httptest.NewRecorder()
		next.ServeHTTP(whole, r)
		body := whole.Body.Bytes()
		maps.Copy(w.Header(), whole.Header())
		w.Header().Del("Content-Length")
		w.WriteHeader(whole.Code)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		then(w, r, body[len(body)/2:])
	}
}

// truncated ends as if that were all.
func truncated() misbehaviour { return part(func(http.ResponseWriter, *http.Request, []byte) {}) }

// reset cuts the connection in the middle, rudely.
func reset() misbehaviour {
	return part(func(w http.ResponseWriter, _ *http.Request, _ []byte) { hangUp(w, true) })
}

// closed ends the connection in the middle, politely: an early EOF.
func closed() misbehaviour {
	return part(func(w http.ResponseWriter, _ *http.Request, _ []byte) { hangUp(w, false) })
}

func hangUp(w http.ResponseWriter, rudely bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	if tcp, ok := conn.(*net.TCPConn); ok && rudely {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// noAnswer cuts the connection before there is an answer.
func noAnswer(w http.ResponseWriter, _ *http.Request, _ http.Handler) { hangUp(w, true) }

// stalled sends half and then nothing, until the client has gone.
func stalled() misbehaviour {
	return part(func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() })
}

// silent never answers.
func silent(_ http.ResponseWriter, r *http.Request, _ http.Handler) {
	_, _ = http.MaxBytesReader(nil, r.Body, 1<<20).Read(make([]byte, 1<<16)) // or the server would not see the client go
	<-r.Context().Done()
}

// slow sends the second half in pieces, each after a pause.
func slow(pieces int, pause time.Duration) misbehaviour {
	return part(func(w http.ResponseWriter, _ *http.Request, rest []byte) {
		size := len(rest)/pieces + 1
		for len(rest) > 0 {
			time.Sleep(pause)
			n := min(size, len(rest))
			_, _ = w.Write(rest[:n])
			_ = http.NewResponseController(w).Flush()
			rest = rest[n:]
		}
	})
}

// hasty closes its first connections in the middle of the TLS handshake.
type hasty struct {
	net.Listener
	mu   sync.Mutex
	left int
}

func (h *hasty) Accept() (net.Conn, error) {
	for {
		conn, err := h.Listener.Accept()
		h.mu.Lock()
		pass := err != nil || h.left == 0
		h.left = max(0, h.left-1)
		h.mu.Unlock()
		if pass {
			return conn, err
		}
		_, _ = conn.Read(make([]byte, 1<<16)) // the client's hello
		_ = conn.Close()
	}
}

// behindTLS puts TLS before the world's servers, which first closes so many
// connections early. The name is that of the variable that leads to it.
func behindTLS(w *world, name string, times int) {
	w.t.Helper()
	to, err := url.Parse(w.aws.URL())
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host // it is signed
	}})
	server.Listener = &hasty{Listener: server.Listener, left: times}
	server.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	w.t.Cleanup(server.Close)
	bundle := filepath.Join(w.t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.env["AWS_CA_BUNDLE"] = bundle
	w.env[name] = strings.Replace(w.env[name], w.aws.URL(), server.URL, 1)
}
