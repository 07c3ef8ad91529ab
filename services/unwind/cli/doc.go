// Package cli is the command line of unwind: it reads flags and arguments, asks
// the packages that know, and prints.
//
// Data goes to standard output, everything else to standard error. What goes
// wrong is one line, and what to do about it a second one that begins with
// "hint: ". The exit code says what it was:
//
//	0    done
//	1    an error
//	2    the command was used wrongly
//	3    --wait: the saga did not complete
//	5    there is no such saga, or no such type
//	124  timed out
//	130  interrupted
//
// [Main] is the whole program. There is nothing here that another program
// should import: that is in packages client, live, timeline and dev.
package cli
