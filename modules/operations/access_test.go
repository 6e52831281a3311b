package operations_test

import (
	"net/http"
	"testing"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/testworld"
)

// An operation goes on with what others add, and names it: who may not read the
// collection any more does not see it, although they have started it.
func TestOperations_OneStartedOnWhatMayNotBeReadAnyMoreIsNotSeen(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, dave := w.User("alice"), w.User("dave")
	c := w.Collection(alice)
	w.Grant(c, dave, collections.Write)
	_, started := w.Upload(dave, c, testworld.File{Path: "a.txt", Content: "a"})
	see := func(name string, status int, listed bool) []testworld.Scenario {
		one := testworld.Scenario{Name: name, As: &dave, Method: http.MethodGet, URL: "/api/v2/operations/" + started.String(), Status: status}
		list := testworld.Scenario{Name: name + ", in the list", As: &dave, Method: http.MethodGet, URL: "/api/v2/operations", Status: http.StatusOK}
		if listed {
			list.Has = []string{started.String(), `"total":1`}
		} else {
			list.HasNot, list.Has = []string{started.String()}, []string{`"total":0`}
		}
		return []testworld.Scenario{one, list}
	}
	w.HTTP(t, see("as long as it is shared", http.StatusOK, true)...)
	w.Exec(`delete from collection_permissions where user_id = $1`, dave.ID)
	w.HTTP(t, see("once that is taken back", http.StatusNotFound, false)...)
	w.Exec(`update collections set is_public = true where id = $1`, c.ID)
	w.HTTP(t, see("of what everybody may read", http.StatusOK, true)...)
	w.Exec(`update collections set is_public = false where id = $1`, c.ID)
	w.HTTP(t, testworld.Scenario{Name: "by the owner, who did not start it", As: &alice, Method: http.MethodGet, URL: "/api/v2/operations/" + started.String(), Status: http.StatusOK},
		testworld.Scenario{Name: "that does not exist", As: &dave, Method: http.MethodGet, URL: "/api/v2/operations/" + uuid.NewString(), Status: http.StatusNotFound})
}
