package web

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

const (
	// maxHops is how many proxies one behind the other are believed.
	maxHops = 32
	// maxHop is longer than any address, with brackets, zone and port.
	maxHop = 128
)

const headerForwardedFor = "X-Forwarded-For"

// clientAddr is the IP address that a request comes from. It is that of the other
// end of the connection. Where that is a trusted proxy, it is the address that
// the proxy has appended to X-Forwarded-For, and so on from the right as long as
// the one who speaks is trusted: what stands to the left of that, anybody may have
// written. Something that is no address ends the search at the proxy that has
// brought it.
func (s *Server) clientAddr(r *http.Request) string {
	peer, ok := parseHop(r.RemoteAddr)
	if !ok {
		return r.RemoteAddr
	}
	forwarded := r.Header.Values(headerForwardedFor)
	if len(forwarded) == 0 {
		return peer.String()
	}
	if !s.trusts(peer) {
		s.warnOfProxy(peer)
		return peer.String()
	}
	nearest := peer
	for range maxHops {
		var text string
		if text, forwarded, ok = lastHop(forwarded); !ok {
			break
		}
		hop, valid := parseHop(text)
		if !valid {
			break
		}
		nearest = hop
		if !s.trusts(hop) {
			break
		}
	}
	return nearest.String()
}

// lastHop takes the last element off a header's lines, which are one list.
func lastHop(lines []string) (hop string, rest []string, ok bool) {
	if len(lines) == 0 {
		return "", nil, false
	}
	last := lines[len(lines)-1]
	i := strings.LastIndexByte(last, ',')
	if i < 0 {
		return last, lines[:len(lines)-1], true
	}
	rest = slices.Clone(lines) // the request keeps its own
	rest[len(rest)-1] = last[:i]
	return last[i+1:], rest, true
}

// parseHop reads an address as proxies write it: alone, with a port, in brackets,
// in quotes. A zone means nothing to anybody else, and an IPv4 address is one
// however it is written.
func parseHop(text string) (netip.Addr, bool) {
	if len(text) > maxHop {
		return netip.Addr{}, false
	}
	text = strings.Trim(strings.TrimSpace(text), `"`)
	if host, _, err := net.SplitHostPort(text); err == nil {
		text = host
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, false
	}
	return ip.WithZone("").Unmap(), true
}

func (s *Server) trusts(ip netip.Addr) bool {
	for _, prefix := range s.config.TrustedProxies {
		if prefix.Contains(ip) {
			return true
		}
	}
	return false
}

// warnOfProxy says once what an operator behind a proxy would otherwise find out
// when all users together have used up the limit of one.
func (s *Server) warnOfProxy(peer netip.Addr) {
	if !peer.IsPrivate() && !peer.IsLoopback() || s.config.Limits.General.Count == 0 {
		return // anybody may send the header from outside
	}
	s.proxyWarning.Do(func() {
		s.log.Warn("a request came through a proxy that is not trusted, so all its clients count as one; if the proxy is yours, set TRUSTED_PROXIES",
			"proxy", peer.String())
	})
}
