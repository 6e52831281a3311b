package extract_test

import (
	"context"
	"fmt"

	"semantik/modules/documents/extract"
)

func ExampleExtract() {
	page := []byte("<title>Tea</title><h1>Tea</h1><p>Boil <b>water</b>.<ul><li>Pour<li>Wait</ul>")
	res, err := extract.Extract(context.Background(), "tea.html", "", page)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(res.MIMEType, res.Title)
	fmt.Println(res.Text)
	// Output:
	// text/html Tea
	// # Tea
	//
	// Boil water.
	//
	// - Pour
	// - Wait
}
