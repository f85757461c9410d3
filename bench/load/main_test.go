package main

import (
	"strings"
	"testing"
)

func TestComplete(t *testing.T) {
	const sound = "HTTP/1.1 200 OK\r\nX: y\r\ncontent-Length: 21\r\n\r\n{\"signature\":\"eyJ.a\"}"
	for _, c := range []struct {
		name, answer string
		done, fails  bool
	}{
		{"nothing yet", "", false, false},
		{"half a header", sound[:20], false, false},
		{"half a body", sound[:len(sound)-1], false, false},
		{"whole", sound, true, false},
		{"too much", sound + "x", false, true},
		{"a refusal", "HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\n{}", false, true},
		{"no signature", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", false, true},
		{"no length", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", false, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			done, err := complete([]byte(c.answer))
			if done != c.done || (err != nil) != c.fails {
				t.Errorf("complete: %v, %v", done, err)
			}
		})
	}
}

func TestOnlyThisMachineIsLoaded(t *testing.T) {
	for _, addr := range []string{"192.0.2.1:80", "[::1]:80", "example.com:80"} {
		if _, err := load(addr, 1, 0, 1, "", 0); err == nil {
			t.Errorf("%s was loaded", addr)
		}
	}
}

func TestEveryRoomOnce(t *testing.T) {
	rs, err := requests("127.0.0.1:1", "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for n := range 1000 {
		_, after, ok := strings.Cut(string(rs[n%len(rs)].bytes(n, 1000)), `"sessionName":"Room `)
		if name := after[:7]; !ok || name >= "0001000" || seen[name] {
			t.Fatalf("request %d is for room %q", n, name)
		} else {
			seen[name] = true
		}
	}
}
