package chunks_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/testworld"
)

// passages are what the questions below are asked about.
var passages = map[string]string{
	"bread":      "Sourdough rises slowly: mix flour, water and starter in the evening, fold the dough twice, and bake it in a hot pot the next morning.",
	"yeast":      "Fresh yeast is dissolved in lukewarm milk. Hot milk kills it, and the dough will not rise.",
	"oven":       "An oven that is too cold leaves the crust pale. Preheat it for half an hour.",
	"knife":      "A dull kitchen knife slips. Sharpen it on a whetstone at an angle of fifteen degrees, and hone it with a steel before use.",
	"tomato":     "Tomatoes want sun and a stake. Pinch out the side shoots, and water the roots and never the leaves, or blight will come.",
	"compost":    "Compost needs air, moisture and a mixture of green and brown material. Turn the heap once a month.",
	"slugs":      "Slugs come at night. Collect them by torchlight, or lay boards under which they gather in the morning.",
	"pruning":    "Apple trees are pruned in late winter, when they are dormant: take out what is dead, what crosses and what grows inwards.",
	"roses":      "Roses are cut back to three buds when the forsythia blooms.",
	"bike":       "When the bicycle chain slips under load, measure its wear. A worn chain ruins the sprockets; replace it every three thousand kilometres.",
	"tyre":       "A flat tyre on a bicycle: take the wheel out, find the hole by holding the tube under water, roughen the rubber and glue on a patch.",
	"brakes":     "Disc brakes squeal when there is oil on the pads. Clean the rotor with alcohol and replace the pads.",
	"backup":     "A backup that was never restored is a hope. Restore the database into an empty server every month, and compare the row counts.",
	"replica":    "A streaming replica follows the primary database within a second, but it repeats a wrong delete just as fast.",
	"vacuum":     "Autovacuum removes dead rows. A table that changes much needs a lower scale factor, or it bloats.",
	"index":      "An index on a column that nobody filters by costs every insert and helps no query.",
	"deadlock":   "Two transactions that lock the same rows in a different order wait for one another until the server ends one of them: a deadlock. Lock in one order.",
	"tls":        "A certificate that has expired makes every client refuse the connection. Renew it automatically, thirty days before it ends.",
	"password":   "Passwords are stored as slow hashes. A forgotten password is reset by a link that is sent by mail and works once.",
	"vpn":        "Without a connection to the office network the shared folders cannot be reached: start the VPN first, then sign in.",
	"printer":    "If the printer shows a paper jam and there is none, open the rear flap and clean the sensor.",
	"holiday":    "Holiday is asked for in the staff portal, at least two weeks ahead. The head of the team approves it.",
	"sick":       "Whoever falls ill calls before nine and sends the doctor's certificate on the third day.",
	"travel":     "Travel expenses are refunded within a month. Attach the receipts to the form; a train ticket in second class needs no approval.",
	"miete":      "Die Kündigungsfrist für Mieter beträgt drei Monate. Die Kündigung muss schriftlich erfolgen und bis zum dritten Werktag eingehen.",
	"kaution":    "Die Kaution beträgt höchstens drei Monatsmieten und wird nach dem Auszug samt Zinsen zurückgezahlt.",
	"heizung":    "Wenn die Heizung gluckert, ist Luft in den Leitungen. Der Heizkörper wird mit einem Vierkantschlüssel entlüftet, bis Wasser kommt.",
	"schimmel":   "Schimmel an der Wand entsteht durch feuchte, kalte Luft. Mehrmals täglich stoßlüften und die Räume gleichmäßig heizen.",
	"muell":      "Die Papiertonne wird alle vier Wochen geleert, der Biomüll jede Woche. Sperrmüll muss angemeldet werden.",
	"fahrrad":    "Fahrräder stehen im Keller und nicht im Treppenhaus, das als Rettungsweg frei bleibt.",
	"ruhe":       "Zwischen zweiundzwanzig und sechs Uhr ist Nachtruhe; Musik darf dann außerhalb der Wohnung nicht zu hören sein.",
	"schluessel": "Wer einen Schlüssel verliert, meldet das der Verwaltung. Die Kosten für neue Schlösser trägt der Mieter.",
}

// questions are asked as people ask them, each with the passage that answers it.
var questions = []struct{ question, passage string }{
	{"why does my bicycle chain keep slipping when I pedal hard", "bike"},
	{"how do I fix a flat bicycle tyre on the road", "tyre"},
	{"what should I do so that we know our database backups can really be restored", "backup"},
	{"two transactions wait for each other, how do I avoid a deadlock in PostgreSQL", "deadlock"},
	{"when should apple trees in the garden be pruned", "pruning"},
	{"at which angle do I sharpen a dull knife from the kitchen", "knife"},
	{"do I need approval for a train ticket, and when are travel expenses refunded", "travel"},
	{"Wie lange ist die Kündigungsfrist, wenn ich als Mieter ausziehen will?", "miete"},
	{"Meine Heizkörper gluckern, wie bekomme ich die Luft aus der Heizung?", "heizung"},
	{"Was hilft gegen Schimmel an den feuchten Wänden im Schlafzimmer?", "schimmel"},
	{"the printer says paper jam but there is no paper stuck inside", "printer"},
	{"tomatoes have blight on the leaves after watering", "tomato"},
}

// A question of several words finds its passage, although hardly a passage has all of
// its words.
func TestRetrieval_QuestionsFindTheirPassageFirst(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	var files []testworld.File
	for name, text := range passages {
		files = append(files, testworld.File{Path: name, Content: text})
	}
	w.AddDocuments(c, files...)
	// firsts counts the questions whose passage comes first, above a score.
	firsts := func(threshold float64) int {
		n := 0
		for _, q := range questions {
			result, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: q.question, K: 5, Threshold: threshold})
			require.NoError(t, err)
			if len(result.Hits) > 0 && result.Hits[0].FilePath == q.passage {
				n++
			} else {
				t.Logf("threshold %g: %q found %v", threshold, q.question, paths(result))
			}
		}
		return n
	}
	some, all := firsts(0), firsts(0.5)
	t.Logf("of %d questions %d find their passage first; with all words required %d would", len(questions), some, all)
	require.GreaterOrEqual(t, some, len(questions)-2)
	require.LessOrEqual(t, 2*all, some)
}
