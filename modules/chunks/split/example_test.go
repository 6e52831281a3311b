package split_test

import (
	"fmt"

	"semantik/modules/chunks/split"
)

func ExampleRecursive() {
	text := "# Tea\n\nBoil water. Pour it on the leaves. Wait for four minutes, then drink.\n\n# Coffee\n\nAsk somebody else.\n"
	chunks, err := split.Recursive(text, split.Options{Size: 60, Overlap: 30})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, c := range chunks {
		fmt.Printf("%d–%d: %q\n", c.Start, c.End, c.Content)
	}
	// Output:
	// 0–41: "# Tea\n\nBoil water. Pour it on the leaves."
	// 19–76: "Pour it on the leaves. Wait for four minutes, then drink."
	// 78–106: "# Coffee\n\nAsk somebody else."
}
