//go:build !linux

package main

// actHostile is for Linux, which has what is attacked.
func actHostile() bool { return false }
