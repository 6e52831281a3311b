package web

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// mayConnect reports whether a page of the request's origin may open a socket:
// browsers let every page try, and only tell whose it is. What is no browser sends
// no origin.
func (s *Server) mayConnect(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	switch {
	case len(origins) == 0:
		return true
	case len(origins) > 1:
		return false
	default:
		return s.origins[origins[0]] || isOwnOrigin(origins[0], r.Host)
	}
}

// isOwnOrigin reports whether the page came from the host that the request went to.
// Whether by HTTP or HTTPS does not matter: a proxy may stand in between.
func isOwnOrigin(origin, host string) bool {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.Scheme+"://"+u.Host != origin {
		return false
	}
	return hostPort(u.Host, u.Scheme) == hostPort(host, u.Scheme)
}

// hostPort is one form for every way to write a host with its port.
func hostPort(host, scheme string) string {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), "80"
		if scheme == "https" {
			port = "443"
		}
	}
	if ip, err := netip.ParseAddr(name); err == nil {
		name = ip.Unmap().String()
	}
	return net.JoinHostPort(strings.ToLower(name), port)
}
