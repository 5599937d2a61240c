// A client of openapi-generator: the package `client`.
package main

import (
	"context"
	"log"
	"os"
	"time"

	"example.com/team/client"
)

func main() {
	settings := client.NewConfiguration()
	settings.Servers = client.ServerConfigurations{{URL: os.Args[1]}}
	animals := client.NewAPIClient(settings).AnimalsAPI
	ctx := context.Background()

	body := client.NewAnimalCreate("Ann", 1<<40, 2.5, "2026-01-31", "08:00:00", time.Now().Truncate(time.Microsecond),
		"0190a2b0-0000-7000-8000-000000000003", "ann@example.com", "https://example.com/",
		map[string]interface{}{"a": 1}, "AAEC", "cat", "secret-1")
	created, response, err := animals.CreateAnimal(ctx).AnimalCreate(*body).Execute()
	check(err == nil, err)
	check(created.Legs == 1<<40 && created.Mood == client.ANIMALMOOD_CALM, created)
	check(created.Price == "1.50" && created.Age.Get() == nil, created)
	check(response.Header.Get("ETag") != "", response)

	listed, _, err := animals.ReadAnimals(ctx).Sort([]string{"title", "-id"}).
		Mood(client.ANIMALMOOD_CALM).Execute()
	check(err == nil && len(listed) == 1 && listed[0].Id == created.Id, err)

	changes := client.NewAnimalUpdate()
	changes.SetMood(client.ANIMALMOOD_A_B)
	patched, _, err := animals.UpdateAnimal(ctx, created.Id).AnimalUpdate(*changes).Execute()
	check(err == nil && patched.Mood == client.ANIMALMOOD_A_B, err)

	deleted, _, err := animals.DeleteAnimal(ctx, created.Id).Execute()
	check(err == nil && deleted.Ok, err)
	_, response, err = animals.ReadAnimal(ctx, created.Id).Execute()
	check(err != nil && response.StatusCode == 404, response)
}

func check(condition bool, found interface{}) {
	if !condition {
		log.Fatalf("%v", found)
	}
}
