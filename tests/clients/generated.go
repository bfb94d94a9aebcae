// Drives the client that oapi-codegen made: create, reveal, change, list by cursor, delete, and a refusal.
package main

import (
	"context"
	"fmt"
	"net/http"
	"os"

	"github.com/google/uuid"
)

func main() {
	url, org, key := os.Args[1], os.Args[2], os.Args[3]
	authenticated := func(_ context.Context, request *http.Request) error {
		request.Header.Set("SlashID-API-Key", key)
		return nil
	}
	client, err := NewClientWithResponses(url, WithRequestEditorFn(authenticated))
	check(err == nil, err)
	ctx := context.Background()
	var ids []uuid.UUID
	for number := range 3 {
		label := "generated"
		created, err := client.CreateCredentialWithResponse(ctx, &CreateCredentialParams{SlashIDOrgID: org}, NewCredential{
			ExtcredProvider: "generic",
			ExtcredType:     "api_key",
			ExtcredLabel:    &label,
			JsonBlob:        map[string]any{"api_key": fmt.Sprint("k", number), "more": map[string]any{"deep": []int{1}}},
		})
		check(err == nil && created.JSON201 != nil, err)
		ids = append(ids, created.JSON201.Result[0])
	}
	revealed, err := client.RevealCredentialWithResponse(ctx, ids[0], &RevealCredentialParams{SlashIDOrgID: org})
	check(err == nil && revealed.JSON200 != nil, err)
	check(revealed.JSON200.Result.JsonBlob["api_key"] == "k0", revealed.JSON200)
	label := "changed"
	change := CredentialChange{ExtcredLabel: &label, JsonBlob: &revealed.JSON200.Result.JsonBlob}
	changed, err := client.UpdateCredentialWithResponse(ctx, ids[0], &UpdateCredentialParams{SlashIDOrgID: org}, change)
	check(err == nil && changed.StatusCode() == 204, changed)
	labels, cursor, limit := "", "", int64(2)
	for first := true; first || cursor != ""; first = false {
		page, err := client.ListCredentialsWithResponse(ctx, &ListCredentialsParams{SlashIDOrgID: org, Limit: &limit, Cursor: &cursor})
		check(err == nil && page.JSON200 != nil, err)
		for _, one := range page.JSON200.Result {
			labels += one.ExtcredLabel + " "
		}
		cursor = page.JSON200.Meta.CursorPagination.Cursor
	}
	check(labels == "changed generated generated ", labels)
	all := true
	deleted, err := client.DeleteCredentialsWithResponse(ctx, &DeleteCredentialsParams{SlashIDOrgID: org, DeleteAll: &all})
	check(err == nil && deleted.StatusCode() == 204, deleted)
	gone, err := client.RevealCredentialWithResponse(ctx, ids[0], &RevealCredentialParams{SlashIDOrgID: org})
	check(err == nil && gone.JSON404 != nil && gone.JSON404.Errors[0].Code == "not_found", gone)
}

func check(holds bool, shown any) {
	if !holds {
		panic(fmt.Sprintf("%+v", shown))
	}
}
