// Package api is Usher's HTTP interface /v1, said once: the types that travel
// and the [Operation] that each call is. The server registers these operations,
// the OpenAPI document is made from them, and package client sends them, so the
// three can't come apart.
//
// Struct tags say where a field travels (path, query, header, else the body)
// and which limits it has (maxLength, minimum, enum, …); the server refuses
// what doesn't fit, and fields it doesn't know. All times are RFC 3339 in UTC.
// Refusals are RFC 9457 problems, see [Problem].
package api
