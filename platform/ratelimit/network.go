package ratelimit

import "net/netip"

const (
	// siteBits is what one household or one machine is given of IPv6: within it an
	// address costs nothing.
	siteBits = 64
	// providerBits is what one customer can have of it for the asking.
	providerBits = 48
)

// ClientID is what a client is counted by: its IPv4 address, or the /64 that its
// IPv6 address is in. What is no address counts as one client.
func ClientID(address string) string { return network(address, siteBits) }

// customerID is ClientID with an IPv6 network as large as somebody may have.
func customerID(address string) string { return network(address, providerBits) }

func network(address string, bits int) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return "unknown"
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	prefix, err := ip.Prefix(bits)
	if err != nil {
		return "unknown"
	}
	return prefix.String()
}
