// Package graph draws the choreography of a saga type: its steps in the order in
// which they follow each other, who performs each and who takes over, where it
// turns no more, what can be undone, and who is missing right now.
//
//	g := graph.Live("kyc", agents) // as roster.Call gives them
//	_ = g.Text(os.Stdout, graph.Options{Columns: 80})
//
// Nobody holds this picture: it is put together from what each agent says of
// itself. An agent that says nothing is placed by what its consumers hear. [Files]
// draws the same from agents' files.
//
// The layout is its own. Graphviz as a library (goccy/go-graphviz) compiles its
// WebAssembly whenever the program starts, 1.1 s the first time and 30 ms from its
// cache, for every command, to draw some ten boxes. For more than that there is
// [Graph.DOT].
package graph
