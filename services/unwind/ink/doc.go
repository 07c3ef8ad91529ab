// Package ink is how the tool looks: colours and symbols where a person reads,
// plain text everywhere else, columns that line up in both, and never a control
// character from somebody else's error message.
//
// An [Ink] is a value; its zero value is plain.
//
//	in, err := ink.Choose("auto", os.Stdout)
//	fmt.Println(in.Paint(ink.Bad, "failed"))
//
// It is no library for user interfaces: nothing here moves the cursor.
package ink
