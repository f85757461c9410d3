package server_test

import (
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usher-sessions/usher/internal/server"
)

// sink counts writes.
type sink struct {
	mu     sync.Mutex
	text   strings.Builder
	writes int
}

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.text.Write(p)
}

func (s *sink) seen() (lines, writes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Count(s.text.String(), "\n"), s.writes
}

func TestLogLinesWaitAndUrgentOnesDoNot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		out := &sink{}
		log, flush := server.NewLogger(out, true, slog.LevelInfo)
		expect := func(when string, lines, writes int) {
			t.Helper()
			synctest.Wait()
			if l, w := out.seen(); l != lines || w != writes {
				t.Errorf("%s: %d lines in %d writes, want %d in %d", when, l, w, lines, writes)
			}
		}
		log.Debug("below the level")
		log.Info("one")
		log.Info("two")
		expect("at once", 0, 0)
		time.Sleep(200 * time.Millisecond)
		expect("after the delay", 2, 1)
		log.Info("three")
		log.Warn("four")
		expect("after a warning", 4, 2)
		time.Sleep(time.Second)
		expect("with nothing to write", 4, 2)
		log.With("a", 1).WithGroup("g").Error("five", "b", 2)
		expect("after an error", 5, 3)
		log.Info("six")
		flush()
		flush()
		expect("after flush", 6, 4)
		long := strings.Repeat("x", 1000)
		for range 100 {
			log.Info(long)
		}
		if _, writes := out.seen(); writes != 5 {
			t.Errorf("%d writes with a full buffer, want 5", writes)
		}
		flush()
		expect("at the end", 106, 6)
	})
}

func TestLogForPeople(t *testing.T) {
	out := &sink{}
	log, flush := server.NewLogger(out, false, slog.LevelInfo)
	log.Info("started", "port", 4000)
	flush()
	if !strings.Contains(out.text.String(), `level=INFO msg=started port=4000`) {
		t.Errorf("got %q", out.text.String())
	}
}

func TestALineLongerThanTheBuffer(t *testing.T) {
	out := &sink{}
	log, flush := server.NewLogger(out, true, slog.LevelInfo)
	log.Info(strings.Repeat("x", 100<<10))
	flush()
	if lines, _ := out.seen(); lines != 1 {
		t.Errorf("%d lines", lines)
	}
}

// TestAccessLinesAreAsSlogWritesThem: the short cut for JSON changes nothing but the time it takes.
func TestAccessLinesAreAsSlogWritesThem(t *testing.T) {
	changing := regexp.MustCompile(`"time":"[^"]+"|"us":\d+`)
	var got [2]string
	for i := range got {
		out := &sink{}
		log, flush := server.NewLogger(out, true, slog.LevelInfo)
		if i == 1 {
			log = slog.New(slog.NewJSONHandler(out, nil))
		}
		h, _ := newServer(t, func(c *server.Config) { c.Log = log })
		for _, path := range []string{"/", "/nope", "/%22quoted%22", "/%00%1f%7f", "/%F0%9F%98%80", "/%3Cb%3E&amp;", "/back%5Cslash%0A"} {
			do(h, "POST", path, `{"sessionName":"s"}`, "X-Request-Id", "r1")
			do(h, "POST", path, `{"sessionName":""}`, "X-Request-Id", "r1")
		}
		flush()
		got[i] = changing.ReplaceAllStringFunc(out.text.String(), func(m string) string { return m[:4] })
	}
	if got[0] != got[1] || strings.Count(got[0], "\n") != 14 {
		t.Errorf("got\n%swant\n%s", got[0], got[1])
	}
}

func TestTheLevelHoldsForTheAccessLogToo(t *testing.T) {
	out := &sink{}
	log, flush := server.NewLogger(out, true, slog.LevelWarn)
	h, _ := newServer(t, func(c *server.Config) { c.Log = log })
	do(h, "POST", "/", `{"sessionName":"s"}`)
	flush()
	if out.text.Len() != 0 {
		t.Errorf("got %q", out.text.String())
	}
}
