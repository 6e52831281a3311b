// Command semantik stores and serves the knowledge of a semantic-search system.
package main

import (
	"os"

	"semantik/app"
)

func main() { os.Exit(app.Main(os.Args[1:])) }
