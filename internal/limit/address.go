package limit

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

// Proxies are those peers whose word about addresses is believed. The zero
// Proxies believes nobody: a request came from its peer.
type Proxies struct {
	prefixes []netip.Prefix
}

// ParseProxies reads addresses ("10.0.0.7") and prefixes ("10.0.0.0/8",
// "fd00::/8"). The error names the first that is neither.
func ParseProxies(list []string) (Proxies, error) {
	var p Proxies
	for _, s := range list {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, aerr := netip.ParseAddr(s)
			if aerr != nil {
				return Proxies{}, fmt.Errorf("trusted proxy %q is neither an address nor a prefix; write 10.0.0.7 or 10.0.0.0/8", s)
			}
			addr = addr.Unmap().WithZone("")
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if a := prefix.Addr(); a.Is4In6() {
			if prefix.Bits() < 96 {
				return Proxies{}, fmt.Errorf("trusted proxy %q covers more than IPv4 does; write the IPv4 prefix itself", s)
			}
			prefix = netip.PrefixFrom(a.Unmap(), prefix.Bits()-96)
		}
		p.prefixes = append(p.prefixes, prefix.Masked())
	}
	return p, nil
}

func (p Proxies) trusts(addr netip.Addr) bool {
	for _, prefix := range p.prefixes {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}

// Addr returns the address that r came from: its peer, or, if that is a trusted
// proxy, the rightmost address of X-Forwarded-For that isn't one. What stands
// left of that was written by whoever sent it and says nothing. IPv4 in IPv6 is
// IPv4, zones are dropped; the zero Addr is a peer without an address.
//
// A peer without an address sits behind a Unix socket of this machine; it is
// believed if any proxy is.
func (p Proxies) Addr(r *http.Request) netip.Addr {
	var peer netip.Addr
	if ap, err := netip.ParseAddrPort(r.RemoteAddr); err == nil {
		peer = ap.Addr().Unmap().WithZone("")
	}
	if len(p.prefixes) == 0 || peer.IsValid() && !p.trusts(peer) {
		return peer
	}
	lines := r.Header["X-Forwarded-For"]
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; {
			var hop string
			if at := strings.LastIndexByte(rest, ','); at >= 0 {
				rest, hop = rest[:at], rest[at+1:]
			} else {
				hop, more = rest, false
			}
			addr, ok := parseHop(hop)
			if !ok {
				return peer // the trusted proxy nearest to it passed this on, so that is all we know
			}
			peer = addr
			if !p.trusts(addr) {
				return addr
			}
		}
	}
	return peer
}

// parseHop reads one entry of X-Forwarded-For; some proxies add the port.
func parseHop(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	addr, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		addr = ap.Addr()
	}
	return addr.Unmap().WithZone(""), true
}

// Network returns what counts as one address: an IPv4 address, or the /64 of an
// IPv6 address, since a single customer commonly has all of that.
func Network(addr netip.Addr) netip.Prefix {
	addr = addr.Unmap().WithZone("")
	bits := addr.BitLen()
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // of the zero Addr: the zero Prefix, one for all peers without address
	return p
}
