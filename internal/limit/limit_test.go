package limit_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usher-sessions/usher"
	"github.com/usher-sessions/usher/internal/limit"
)

// A clock is set by hand.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

func newGuesses(t *testing.T, c *clock, perAddr, perTarget int) *limit.Guesses {
	t.Helper()
	g, err := limit.NewGuesses(perAddr, perTarget, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func retryAfter(t *testing.T, err error) time.Duration {
	t.Helper()
	e, ok := err.(*usher.Error)
	if !ok || e.Code != usher.CodeLimited || e.RetryAfter <= 0 {
		t.Fatalf("got %#v, want too_many_requests with a time", err)
	}
	return e.RetryAfter
}

var home = netip.MustParseAddr("192.0.2.1")

// most returns the highest number of times within any hour.
func most(times []time.Time) int {
	best := 0
	for i := range times {
		n := 0
		for _, t := range times[i:] {
			if t.Sub(times[i]) < time.Hour {
				n++
			}
		}
		best = max(best, n)
	}
	return best
}

func TestTriesPerHour(t *testing.T) {
	for _, n := range []int{2, 3, 7, 60, 61, 1000} {
		for _, impatience := range []time.Duration{time.Second, 7 * time.Minute, 0} { // 0 waits as told
			c := newClock()
			g := newGuesses(t, c, n, 1_000_000)
			var made []time.Time
			for end := c.t.Add(4 * time.Hour); c.t.Before(end); {
				err := g.Check(home, "session:x")
				if err == nil {
					if err := g.Failed(home, "session:x"); err != nil {
						t.Fatal("Check let a try pass for which there was no room")
					}
					made = append(made, c.t)
					continue
				}
				wait := retryAfter(t, err)
				if impatience > 0 {
					wait = impatience
				}
				c.advance(wait)
			}
			if got := most(made); got > n {
				t.Errorf("%d tries in an hour, limit %d", got, n)
			} else if impatience == 0 && got < n-1 {
				t.Errorf("only %d tries in an hour with patience, limit %d", got, n)
			}
		}
	}
}

func TestTriesPerTargetFromManyAddresses(t *testing.T) {
	c := newClock()
	g := newGuesses(t, c, 60, 100)
	made := 0
	for i := range 1000 {
		if try, err := g.Begin(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), "session:x"); err == nil {
			made++
			_ = try
		}
		c.advance(time.Hour / 1000)
	}
	if made > 100 || made < 95 {
		t.Errorf("%d tries on one session in an hour, limit 100", made)
	}
	if _, err := g.Begin(home, "session:y"); err != nil {
		t.Errorf("another session is refused: %v", err)
	}
}

func TestTriesAtTheSameMoment(t *testing.T) {
	c := newClock()
	g := newGuesses(t, c, 20, 1000)
	var all sync.WaitGroup
	var mu sync.Mutex
	var tries []*limit.Try
	for range 200 {
		all.Go(func() {
			if try, err := g.Begin(home, ""); err == nil {
				mu.Lock()
				tries = append(tries, try)
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if len(tries) != 10 {
		t.Fatalf("%d at once, want half of 20", len(tries))
	}
	for _, try := range tries[:4] {
		try.Passed()
		try.Passed() // counts once
	}
	again := 0
	for range 200 {
		if _, err := g.Begin(home, ""); err == nil {
			again++
		}
	}
	if again != 4 {
		t.Errorf("%d tries after 4 passed", again)
	}
}

func TestPassingGivesNothingToOthers(t *testing.T) {
	c := newClock()
	g := newGuesses(t, c, 20, 20) // 10 at once, one every 6 minutes
	try, err := g.Begin(home, "session:x")
	if err != nil {
		t.Fatal(err)
	}
	c.advance(5 * time.Minute) // most of the mark has leaked away by now
	for range 9 {
		if err := g.Failed(home, "session:x"); err != nil {
			t.Fatal(err)
		}
	}
	try.Passed()
	if err := g.Failed(home, "session:x"); err != nil {
		t.Fatal("the tenth try within the hour is refused:", err)
	}
	if g.Failed(home, "session:x") == nil {
		t.Error("eleven failures at once")
	}
}

func TestNetworks(t *testing.T) {
	for _, tt := range []struct {
		name, a, b string
		same       bool
	}{
		{"IPv4 by address", "192.0.2.1", "192.0.2.2", false},
		{"IPv4 in IPv6 is IPv4", "::ffff:192.0.2.1", "192.0.2.1", true},
		{"IPv6 by /64", "2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true},
		{"another /64", "2001:db8:1:2::1", "2001:db8:1:3::1", false},
		{"zones don't count", "fe80::1%eth0", "fe80::2%eth1", true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := newClock()
			g := newGuesses(t, c, 2, 2)
			a, b := netip.MustParseAddr(tt.a), netip.MustParseAddr(tt.b)
			if err := g.Failed(a, ""); err != nil {
				t.Fatal(err)
			}
			if refused := g.Check(b, "") != nil; refused != tt.same {
				t.Errorf("after a failure of %s, %s is refused: %v", a, b, refused)
			}
		})
	}
	if g := newGuesses(t, newClock(), 2, 2); g.Failed(netip.Addr{}, "") != nil || g.Check(netip.Addr{}, "") == nil {
		t.Error("peers without address count as one")
	}
}

func TestASiteCantTryWithAllItsNetworks(t *testing.T) {
	c := newClock()
	g := newGuesses(t, c, 60, 1000)
	made := 0
	for i := range 65536 {
		a := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, 1, byte(i >> 8), byte(i), 15: 1})
		if g.Failed(a, "") == nil {
			made++
		}
	}
	if made > 60*16/2 {
		t.Errorf("a /48 made %d tries at once, want at most 480", made)
	}
	if g.Check(netip.MustParseAddr("2001:db8:2::1"), "") != nil {
		t.Error("the neighbours are refused")
	}
}

func TestManyAddressesWipeOutNothing(t *testing.T) {
	c := newClock()
	g := newGuesses(t, c, 60, 1000)
	for range 30 {
		if err := g.Failed(home, ""); err != nil {
			t.Fatal(err)
		}
	}
	refusedOthers := 0
	for i := range 200_000 {
		if g.Failed(netip.AddrFrom4([4]byte{11, byte(i >> 16), byte(i >> 8), byte(i)}), "") != nil {
			refusedOthers++
		}
	}
	if g.Check(home, "") == nil {
		t.Error("a flood from other addresses has freed one that failed too often")
	}
	if refusedOthers > 2000 { // one failure of each is little
		t.Errorf("%d of 200000 single failures were refused", refusedOthers)
	}
	c.advance(time.Hour + 2*time.Minute)
	if g.Check(home, "") != nil {
		t.Error("an hour later the address is still refused")
	}
}

// The figure in the comment of sketch: how many bystanders a flood hits.
func TestBystandersOfAFlood(t *testing.T) {
	c := newClock()
	g := newGuesses(t, c, 60, 1000)
	for i := range 10_000 {
		a := netip.AddrFrom4([4]byte{11, 0, byte(i >> 8), byte(i)})
		for g.Failed(a, "") == nil {
		}
	}
	hit := 0
	for i := range 10_000 {
		if g.Check(netip.AddrFrom4([4]byte{12, 0, byte(i >> 8), byte(i)}), "") != nil {
			hit++
		}
	}
	if hit > 150 {
		t.Errorf("%d of 10000 bystanders are refused, want about 50", hit)
	}
}

func TestRequestsPerCaller(t *testing.T) {
	c := newClock()
	q, err := limit.NewRequests(10, 20, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	back := &usher.Caller{Kind: usher.KindKey, ID: "k1", Addr: home}
	allowed := func(who *usher.Caller, tries int) (n int) {
		for range tries {
			if q.Allow(who) == nil {
				n++
			}
		}
		return n
	}
	if n := allowed(back, 100); n != 20 {
		t.Errorf("%d at once, want 20", n)
	}
	if after := retryAfter(t, q.Allow(back)); after != 100*time.Millisecond {
		t.Errorf("try again after %v, want 100ms", after)
	}
	c.advance(100 * time.Millisecond)
	if n := allowed(back, 100); n != 1 {
		t.Errorf("%d after 100 ms, want 1", n)
	}
	for _, other := range []*usher.Caller{
		{Kind: usher.KindKey, ID: "k2", Addr: home}, {Kind: usher.KindUser, ID: "k1", Addr: home}, {Kind: usher.KindAnyone, Addr: home},
	} {
		if n := allowed(other, 100); n != 20 {
			t.Errorf("%v: %d at once, want 20", other, n)
		}
	}
	if n := allowed(&usher.Caller{Kind: usher.KindAnyone, Addr: netip.MustParseAddr("192.0.2.2")}, 100); n != 20 {
		t.Errorf("another address: %d at once, want 20", n)
	}
	if n := allowed(&usher.Caller{Kind: usher.KindAnyone, Addr: netip.MustParseAddr("::ffff:192.0.2.1")}, 100); n != 0 {
		t.Errorf("the same address written as IPv6: %d, want 0", n)
	}
}

func TestManyCallersResetNobody(t *testing.T) {
	c := newClock()
	q, err := limit.NewRequests(1, 2, c.Now)
	if err != nil {
		t.Fatal(err)
	}
	from := func(net byte, i int) *usher.Caller {
		return &usher.Caller{Kind: usher.KindAnyone, Addr: netip.AddrFrom4([4]byte{net, byte(i >> 16), byte(i >> 8), byte(i)})}
	}
	first := from(10, 0)
	for q.Allow(first) == nil {
	}
	let := 0
	for i := range 150_000 {
		if q.Allow(from(11, i)) == nil {
			let++
		}
	}
	if q.Allow(first) == nil {
		t.Error("callers without number have reset one of them")
	}
	if bound := 100_000 + 256*2; let > bound {
		t.Errorf("%d of 150000 newcomers were let through in no time, want at most %d", let, bound)
	}
	c.advance(2 * time.Second)
	if q.Allow(from(12, 1)) != nil || q.Allow(first) != nil {
		t.Error("what has recovered is still refused")
	}
}

func TestSettingsThatCantBe(t *testing.T) {
	for _, n := range [][2]int{{1, 10}, {10, 1}, {-1, 10}, {2_000_000, 10}} {
		if _, err := limit.NewGuesses(n[0], n[1], time.Now); err == nil {
			t.Errorf("%v failed tries in an hour are accepted", n)
		}
	}
	var nan float64
	nan /= nan
	for _, r := range []struct {
		perSecond float64
		burst     int
	}{{0, 1}, {-1, 1}, {nan, 1}, {2e6, 1}, {1, 0}} {
		if _, err := limit.NewRequests(r.perSecond, r.burst, time.Now); err == nil {
			t.Errorf("%v requests are accepted", r)
		}
	}
}

func TestAddressOfARequest(t *testing.T) {
	for _, tt := range []struct {
		name, proxies, peer string
		forwarded           []string
		want                string
	}{
		{"nobody is believed", "", "203.0.113.5:4000", []string{"198.51.100.1"}, "203.0.113.5"},
		{"no proxy in between", "10.0.0.0/8", "203.0.113.5:4000", []string{"198.51.100.1"}, "203.0.113.5"},
		{"a proxy", "10.0.0.0/8", "10.1.2.3:4000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a proxy by address", "10.1.2.3", "10.1.2.3:4000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"what the client wrote says nothing", "10.0.0.0/8", "10.1.2.3:4000", []string{"1.1.1.1, 10.9.9.9,198.51.100.1"}, "198.51.100.1"},
		{"nor in a line of its own", "10.0.0.0/8", "10.1.2.3:4000", []string{"1.1.1.1", "198.51.100.1"}, "198.51.100.1"},
		{"two proxies", "10.0.0.0/8 172.16.0.1", "10.1.2.3:4000", []string{"1.1.1.1, 198.51.100.1 , 172.16.0.1"}, "198.51.100.1"},
		{"all are proxies", "10.0.0.0/8", "10.1.2.3:4000", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		{"nothing forwarded", "10.0.0.0/8", "10.1.2.3:4000", nil, "10.1.2.3"},
		{"rubbish", "10.0.0.0/8", "10.1.2.3:4000", []string{"198.51.100.1, unknown"}, "10.1.2.3"},
		{"rubbish behind a second proxy", "10.0.0.0/8", "10.1.2.3:4000", []string{"<script>, 10.0.0.9"}, "10.0.0.9"},
		{"empty", "10.0.0.0/8", "10.1.2.3:4000", []string{""}, "10.1.2.3"},
		{"with port", "10.0.0.0/8", "10.1.2.3:4000", []string{"198.51.100.1:99"}, "198.51.100.1"},
		{"IPv6", "fd00::/8", "[fd00::1]:4000", []string{"2001:db8::1"}, "2001:db8::1"},
		{"IPv6 with port", "fd00::/8", "[fd00::1]:4000", []string{"[2001:db8::1]:99"}, "2001:db8::1"},
		{"IPv6 in brackets", "fd00::/8", "[fd00::1]:4000", []string{"[2001:db8::1]"}, "2001:db8::1"},
		{"IPv4 in IPv6 peer", "10.0.0.0/8", "[::ffff:10.1.2.3]:4000", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		{"prefix written as IPv6", "::ffff:10.0.0.0/104", "10.1.2.3:4000", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a Unix socket, believed", "10.0.0.0/8", "@", []string{"198.51.100.1"}, "198.51.100.1"},
		{"a Unix socket, not believed", "", "@", []string{"198.51.100.1"}, "invalid IP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := limit.ParseProxies(strings.Fields(tt.proxies))
			if err != nil {
				t.Fatal(err)
			}
			r := &http.Request{RemoteAddr: tt.peer, Header: http.Header{"X-Forwarded-For": tt.forwarded}}
			if got := p.Addr(r).String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	for _, bad := range []string{"proxy.example", "10.0.0.0/33", "::ffff:0:0/64", ""} {
		if _, err := limit.ParseProxies([]string{bad}); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("%q", bad)) {
			t.Errorf("%q: got %v", bad, err)
		}
	}
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("1.1.1.1, 10.0.0.1", "10.0.0.9:1")
	f.Add(",,[::1]:9, ::ffff:1.2.3.4%x", "@")
	p, err := limit.ParseProxies([]string{"10.0.0.0/8", "::1"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, forwarded, peer string) {
		a := p.Addr(&http.Request{RemoteAddr: peer, Header: http.Header{"X-Forwarded-For": {forwarded}}})
		if a.Is4In6() || a.Zone() != "" {
			t.Errorf("%v is not in its plain form", a)
		}
		if !p.Addr(&http.Request{RemoteAddr: peer}).IsValid() && a.IsValid() && forwarded == "" {
			t.Error("an address out of nothing")
		}
	})
}

func BenchmarkCheckAndFail(b *testing.B) {
	g, _ := limit.NewGuesses(60, 100, time.Now)
	for b.Loop() {
		_ = g.Check(home, "session:x")
	}
}

func BenchmarkAllow(b *testing.B) {
	q, _ := limit.NewRequests(1e6, 1000, time.Now)
	c := &usher.Caller{Kind: usher.KindKey, ID: "k1"}
	for b.Loop() {
		_ = q.Allow(c)
	}
}
