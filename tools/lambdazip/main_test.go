package main

import (
	"archive/zip"
	"bytes"
	"io"
	"testing"
	"time"
)

func TestPack(t *testing.T) {
	program := bytes.Repeat([]byte("program "), 100_000)
	packed, err := pack(program)
	if err != nil {
		t.Fatal(err)
	}
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil || len(archive.File) != 1 {
		t.Fatalf("%d files, %v, want one", len(archive.File), err)
	}
	file := archive.File[0]
	// 0755, a regular file, made on Unix: otherwise Lambda says "permission denied".
	if file.Name != "bootstrap" || file.Mode() != 0o755 || file.CreatorVersion>>8 != 3 || !file.Modified.Equal(time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%s has mode %v, of system %d, of %s", file.Name, file.Mode(), file.CreatorVersion>>8, file.Modified)
	}
	content, err := file.Open()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(content); err != nil || !bytes.Equal(got, program) {
		t.Errorf("%d bytes come out, %v, want %d", len(got), err, len(program))
	}
	if again, err := pack(program); err != nil || !bytes.Equal(again, packed) {
		t.Errorf("packed twice, the bits differ; %v", err)
	}
}
