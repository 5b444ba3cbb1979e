//go:build !linux

package main

func roomForPrograms(string, uint64) bool { return false }
