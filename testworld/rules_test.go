package testworld_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/schema"
	"semantik/testworld"
)

func TestRules_EachIsMetAndEachIsFoundBroken(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions())
	c := w.Collection(w.Root)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	w.AwaitOperation(w.Delete(w.Collection(w.Root)))
	found, err := w.Violations(t.Context())
	require.NoError(t, err)
	require.Empty(t, found)

	for _, rule := range schema.Rules() {
		t.Run(rule.Key, func(t *testing.T) {
			damage, ok := testworld.Damages[rule.Key]
			require.True(t, ok, "every rule has a damage that breaks it")
			broken := w.In(t).Damage(damage, rule)
			require.Positive(t, broken.Count)
			require.NotEmpty(t, broken.Examples)
		})
	}
	found, err = w.Violations(t.Context())
	require.NoError(t, err)
	require.Empty(t, found, "the damage was undone")
}
