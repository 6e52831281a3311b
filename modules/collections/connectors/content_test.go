package connectors_test

import (
	"io"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections/connectors"
)

func TestWhole_WhatCannotBeReadToItsEndIsBroken(t *testing.T) {
	t.Parallel()
	of := func(content io.Reader, size int64) (string, error) {
		read, err := io.ReadAll(connectors.Whole(content, connectors.Entry{Size: size}))
		return string(read), err
	}
	for name, size := range map[string]int64{"as long as it was": 6, "it has grown": 3, "a file that tells no size": 0} {
		read, err := of(iotest.DataErrReader(strings.NewReader("walrus")), size)
		require.NoError(t, err, name)
		require.Equal(t, "walrus", read, name)
	}
	_, err := of(strings.NewReader("walrus"), 7)
	require.ErrorIs(t, err, connectors.ErrBroken, "it has become shorter")
	_, err = of(io.MultiReader(strings.NewReader("wal"), iotest.ErrReader(syscall.EIO)), 6)
	require.ErrorIs(t, err, connectors.ErrBroken)
	require.ErrorIs(t, err, syscall.EIO, "the reason is kept for the log")
	require.NotErrorIs(t, err, io.EOF)
}
