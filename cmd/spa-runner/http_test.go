package main

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"strings"
)

// readAndRestore reads the body of a request and leaves it to be read again.
func readAndRestore(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	return string(body)
}

func urlEncoded(text string) string { return strings.TrimPrefix(url.Values{"": {text}}.Encode(), "=") }

// recorded keeps an answer in place of sending it.
type recorded struct {
	header http.Header
	body   bytes.Buffer
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) Write(p []byte) (int, error) { return r.body.Write(p) }
func (r *recorded) WriteHeader(int)             {}
