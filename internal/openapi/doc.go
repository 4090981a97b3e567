// Package openapi has the words of OpenAPI 3.1 (https://spec.openapis.org/oas/v3.1.0) that this program's description needs, and a page that
// shows a description to people. It knows nothing of what is described.
//
// A Document is written as Go values, so that limits are the constants that the code checks by, and a name that is gone does not compile.
// Objects keep the order of their members: what comes first here comes first in the document and on the page.
package openapi
