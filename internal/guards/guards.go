// Package guards names the guards that the promises rest on. Each is a constant that is true. A test of the tests builds the program with
// one of them off, by a build tag, and holds that the suite finds out: a suite that nothing can fail proves nothing.
//
//	tag               constant            what it turns off
//	broken_stamp      CompareStamps       a record is replaced whatever stamp it has
//	broken_opid       RecognizeOps        an operation that was applied already is applied again
//	broken_order      CopiesFirst         home is written before the copies
//	broken_fencing    SelfFencing         a node that lost its registration goes on as if it held it
//	broken_brake      Brake               the death of most nodes at once, or a Redis just back, is acted on without waiting
package guards
