// Package sockets finds out on Linux where a process listens, for tests.
package sockets

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Of returns the local addresses of a process's listening TCP sockets and
// unconnected UDP sockets.
func Of(pid int) ([]netip.AddrPort, error) {
	proc := "/proc/" + strconv.Itoa(pid)
	fds, err := filepath.Glob(proc + "/fd/*")
	if err != nil {
		return nil, err
	}
	its := map[string]bool{} // by inode
	for _, fd := range fds {
		if to, err := os.Readlink(fd); err == nil && strings.HasPrefix(to, "socket:[") {
			its[strings.Trim(to, "socket:[]")] = true
		}
	}
	var out []netip.AddrPort
	for _, table := range []string{"tcp", "tcp6", "udp", "udp6"} {
		text, err := os.ReadFile(proc + "/net/" + table)
		if err != nil {
			return nil, err
		}
		for _, line := range strings.Split(string(text), "\n")[1:] {
			f := strings.Fields(line)
			const local, state, inode = 1, 3, 9
			const listens, unconnected = "0A", "07"
			if len(f) <= inode || !its[f[inode]] || f[state] != listens && f[state] != unconnected {
				continue
			}
			address, err := parse(f[local])
			if err != nil {
				return nil, err
			}
			out = append(out, address)
		}
	}
	return out, nil
}

// parse reads an address as the kernel shows it: words of four bytes, the last
// byte first, and the port in hexadecimal digits.
func parse(s string) (netip.AddrPort, error) {
	host, port, _ := strings.Cut(s, ":")
	b, err := hex.DecodeString(host)
	if err != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, fmt.Errorf("%q is no address as /proc shows it", s)
	}
	for word := range slices.Chunk(b, 4) {
		slices.Reverse(word)
	}
	addr, ok := netip.AddrFromSlice(b)
	n, err := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no address as /proc shows it", s)
	}
	return netip.AddrPortFrom(addr.Unmap(), uint16(n)), nil
}
