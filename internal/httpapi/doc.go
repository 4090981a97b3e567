// Package httpapi is the door of a node: it turns HTTP requests into use cases and their results back into HTTP.
//
// A request passes four steps. The middleware names it (X-Request-Id), bounds its time and records how it ended. The route's
// wrapper refuses query parameters that the route does not know. The handler reads path, headers and body strictly: each is
// checked before any use case is called, and whatever the route cannot honour is refused by name rather than ignored. Then
// one use case is called, through an interface declared here, and its result is written.
//
// Bodies are JSON in UTF-8, or MessagePack where asked for, both ways. A field that a client may not set is an unknown field; a
// member given twice, anything after the value, and an integer that does not fit in 64 bits are refused, so that what is stored
// is what was sent. Integers stay integers; other numbers are IEEE 754 doubles, as is -0.
//
// MessagePack is another writing of the same documents, so that a client may change encodings and nothing else: the same names,
// times as RFC 3339 text, durations as "30m" or whole milliseconds, a patch that merges as JSON's does. A request says what it is by
// Content-Type (application/msgpack, or by its names application/x-msgpack and application/vnd.msgpack), and by Accept what it
// wants back; answerType has the rule. What JSON cannot say is refused, since a session is shown to readers of either: bin,
// extensions, names that are not strings, NaN and infinities. A body in MessagePack is measured before it is read, and may say
// no more than one in JSON of the largest size. Problems and streams of events are always JSON. An ETag names the state of a session,
// not the bytes of an answer: it is the same in both encodings.
//
// How a body is read: a source tells its values one after another (jsonSource, msgpackSource), and values makes Go values of
// them, with the rules that both encodings share; fields then takes the members by name. An item of a batch that is refused is left
// by its source, and the next one read. How an answer is written: those that hold sessions write themselves with a writer, which
// knows both encodings; the others are written by encoding/json, and where MessagePack is wanted the same again.
//
// Every failure is a problem document (RFC 9457) made by one table, in errors.go, from the errors of package session. Its code
// is what a program decides by; its detail is for people and never holds text that is the system's own affair.
//
// Two answers do not end by themselves. One is the stream by which a process beside this node follows its assignments (server-sent events). It has a
// time limit for each event in place of the request's, is refused where another node is meant, and ends when the server shuts down. What
// the stream says, and the rules for who follows it, are those of package assignments. How it ended matters there: a caller beside the node
// that closed its connection holds nothing any more; one that could not be written to, or whose connection from another machine ended, may hold
// what it was told until its time is over.
//
// The other that does not end is that of events, as server-sent events or lines of JSON. Each batch, and a bookmark every 15 s, names the cursor
// to go on from; it ends with a reason where its caller is too slow, events are missing, or the server shuts down.
//
// Streams are counted by client, all kinds together, beside the limit of each kind: callers.go says who a client is, and why processes beside the
// node have places of their own. Whoever does not take an event in its time is cut off, so that nobody keeps a place by doing nothing.
//
// What the API is stands in the files spec*.go, beside the handlers, and is served as OpenAPI 3.1 at /openapi.json and as a page at /docs. Every
// exchange of this package's tests is held to it, in both directions: a route, parameter, member, header or problem that is not described
// fails a test, and so does a description that the code does not keep. Limits in it are the constants that the code checks by.
//
// gin is used inside this package and shows nowhere in its API.
package httpapi
