// Command sbom writes the bill of materials of a Go program, CycloneDX in JSON, from
// what Go wrote into the program itself. It has no serial number and no time but that
// of the commit, so that the same program has the same bill everywhere.
//
//	sbom PROGRAM BILL             writes it
//	sbom -schema FOLDER BILL...   compares bills with the schema that is in a folder
//
// It is a module of its own, so that what it is built on is no part of the program.
package main

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

func main() {
	schema := flag.String("schema", "", "folder with the schemas of CycloneDX")
	flag.Parse()
	var err error
	switch {
	case *schema != "" && flag.NArg() > 0:
		err = validate(*schema, flag.Args())
	case *schema == "" && flag.NArg() == 2:
		err = write(flag.Arg(0), flag.Arg(1))
	default:
		err = errors.New("usage: sbom PROGRAM BILL, or sbom -schema FOLDER BILL [BILL]")
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "sbom:", err)
		os.Exit(1)
	}
}

func write(program, bill string) error {
	content, err := os.ReadFile(program)
	if err != nil {
		return err
	}
	info, err := buildinfo.Read(bytes.NewReader(content))
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	made, err := billOf(info, sha256.Sum256(content))
	if err != nil {
		return fmt.Errorf("%s: %w", program, err)
	}
	var out bytes.Buffer
	if err := cdx.NewBOMEncoder(&out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(made, cdx.SpecVersion1_6); err != nil {
		return err
	}
	return os.WriteFile(bill, out.Bytes(), 0o644)
}

// billOf lists the modules, and the standard library, which has most of the holes that
// are found. Which module needs which, a program does not know.
func billOf(info *debug.BuildInfo, digest [sha256.Size]byte) (*cdx.BOM, error) {
	properties, commitTime := []cdx.Property{}, ""
	for _, s := range info.Settings {
		properties = append(properties, cdx.Property{Name: "go:build:" + s.Key, Value: s.Value})
		if s.Key == "vcs.time" {
			commitTime = s.Value
		}
	}
	goVersion, _, _ := strings.Cut(strings.TrimPrefix(info.GoVersion, "go"), " ")
	components := []cdx.Component{library("stdlib", goVersion)}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		c := library(m.Path, m.Version)
		if m.Sum != "" {
			sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
			if err != nil || len(sum) != sha256.Size {
				return nil, fmt.Errorf("the sum of %s is no sum: %q", m.Path, m.Sum)
			}
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
		}
		components = append(components, c)
	}
	main := library(info.Main.Path, info.Main.Version)
	main.Type, main.Name = cdx.ComponentTypeApplication, path.Base(info.Path)
	main.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(digest[:])}}
	main.Properties = &properties

	bill := cdx.NewBOM()
	bill.Metadata = &cdx.Metadata{Timestamp: commitTime, Component: &main}
	bill.Components = &components
	return bill, nil
}

// library is a module by its package URL, for which its path is in small letters.
// https://github.com/package-url/purl-spec
func library(module, version string) cdx.Component {
	url := "pkg:golang/" + strings.ToLower(module) + "@" + strings.ReplaceAll(version, "+", "%2B")
	return cdx.Component{BOMRef: url, Type: cdx.ComponentTypeLibrary, Name: module, Version: version, PackageURL: url}
}
