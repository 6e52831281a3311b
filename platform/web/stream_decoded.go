package web

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"semantik/platform/apperr"
)

// maxZstdWindow is the most that unpacking may keep in memory, in bytes; what
// zstd makes at its highest ordinary level (19) needs this much. RFC 8878, section
// 3.1.1.1.2, asks for no more than that of whoever unpacks what comes from anywhere.
const maxZstdWindow = 8 << 20

// packedBuffer is how much of a packed body is read from the connection at once,
// in bytes.
const packedBuffer = 64 << 10

// The errors of unpacking a body.
var (
	errEncodings = apperr.New(apperr.UnsupportedMediaType, "content_encoding_not_supported",
		"The body may be packed with gzip or with zstd: name one of them in Content-Encoding, or send it as it is.")
	// ErrBodyNotPacked is for a body that is not what its Content-Encoding says, or
	// that is damaged.
	ErrBodyNotPacked = apperr.New(apperr.Malformed, "body_not_packed", "The body is not what its Content-Encoding says.")
)

// acceptedEncodings is what an [EncodedStream] takes, as a header has it.
const acceptedEncodings = "gzip, zstd, identity"

// EncodedStream is a [Stream] whose body may be packed, as Content-Encoding says:
// with gzip, or with zstd. It is embedded in the input of an operation. The limits
// in bytes are those of the body as it is sent; what comes out is not bounded, and
// whoever reads it bounds what they keep.
type EncodedStream struct {
	Stream
}

func (s *EncodedStream) encoded() {}

// encodedStream is what an input has that embeds [EncodedStream].
type encodedStream interface{ encoded() }

// Decoded gives the body unpacked. Close it when it is no longer read. Its errors
// are those of [Stream.Reader], and [ErrBodyNotPacked]; all may go to the client.
func (s *EncodedStream) Decoded() (io.ReadCloser, error) {
	source := &packedSource{reader: s.Reader()}
	switch encoding := contentEncoding(s.request.Header); encoding {
	case "":
		return io.NopCloser(s.Reader()), nil
	case "gzip", "x-gzip":
		return &unpacked{source: source, name: "gzip", open: func() (io.Reader, func(), error) {
			r, err := gzip.NewReader(bufio.NewReaderSize(source, packedBuffer))
			return r, func() {}, err
		}}, nil
	case "zstd":
		return &unpacked{source: source, name: "zstd", open: func() (io.Reader, func(), error) {
			r, err := zstd.NewReader(source, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
				zstd.WithDecoderMaxWindow(maxZstdWindow), zstd.WithDecoderMaxMemory(2*maxZstdWindow))
			if err != nil {
				return nil, nil, err
			}
			return r, r.Close, nil
		}}, nil
	default:
		return nil, errEncodings
	}
}

// contentEncoding is how the body is packed, in lower case; "" when it is not.
func contentEncoding(h http.Header) string {
	encoding := strings.ToLower(strings.TrimSpace(strings.Join(h.Values("Content-Encoding"), ",")))
	if encoding == "identity" {
		return ""
	}
	return encoding
}

// packedSource remembers the body's own error, which an unpacker may replace by
// one of its own.
type packedSource struct {
	reader io.Reader
	err    error
}

func (p *packedSource) Read(data []byte) (int, error) {
	n, err := p.reader.Read(data)
	if err != nil && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return n, err
}

// unpacked unpacks from the first read on, so that an error of the body's beginning
// comes where all others do.
type unpacked struct {
	source *packedSource
	name   string
	open   func() (io.Reader, func(), error)
	reader io.Reader
	close  func()
	err    error // sticky
}

func (u *unpacked) Read(data []byte) (int, error) {
	if u.err != nil {
		return 0, u.err
	}
	if u.reader == nil {
		reader, closer, err := u.open()
		if err != nil {
			u.err = u.translate(err)
			return 0, u.err
		}
		u.reader, u.close = reader, closer
	}
	n, err := u.reader.Read(data)
	if err != nil {
		u.err = u.translate(err)
	}
	return n, u.err
}

func (u *unpacked) translate(err error) error {
	switch {
	case u.source.err != nil:
		return u.source.err
	case errors.Is(err, io.EOF) && u.reader != nil:
		return io.EOF
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return ErrBodyNotPacked.WithMessagef("The body ends before its %s data do.", u.name).WithCause(io.ErrUnexpectedEOF)
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return ErrBodyNotPacked.WithMessagef("The body was packed with a window of more than %s; pack it without --long or --ultra.", bytesText(maxZstdWindow)).WithCause(err)
	default:
		return ErrBodyNotPacked.WithMessagef("The body is not valid %s data, as its Content-Encoding says.", u.name).WithCause(err)
	}
}

func (u *unpacked) Close() error {
	if u.close != nil {
		u.close()
		u.close = nil
	}
	if u.err == nil {
		u.err = io.ErrClosedPipe
	}
	return nil
}
