// Command lambdazip packs a program as Lambda takes it: a zip with one file,
// bootstrap, that may be executed. The same program gives the same bits, wherever
// and whenever it is packed, which zip(1) does not.
package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"
)

func main() {
	if len(os.Args) != 3 {
		fail(errors.New("usage: lambdazip PROGRAM ZIP"))
	}
	program, err := os.ReadFile(os.Args[1])
	if err != nil {
		fail(err)
	}
	packed, err := pack(program)
	if err != nil {
		fail(fmt.Errorf("packing %s: %w", os.Args[1], err))
	}
	if err := os.WriteFile(os.Args[2], packed, 0o644); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// pack makes the zip. No time of a file goes in, but the first that a zip knows.
func pack(program []byte) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	header := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	file, err := archive.CreateHeader(header)
	if err != nil {
		return nil, err
	}
	if _, err := file.Write(program); err != nil {
		return nil, err
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
