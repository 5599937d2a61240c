// A client of openapi-generator for rows with relations.
package main

import (
	"context"
	"errors"
	"log"
	"os"

	"example.com/team/client"
)

func main() {
	settings := client.NewConfiguration()
	settings.Servers = client.ServerConfigurations{{URL: os.Args[1]}}
	api := client.NewAPIClient(settings)
	ctx := context.Background()

	_, _, err := api.CountriesAPI.CreateCountry(ctx).CountryCreate(*client.NewCountryCreate("Italy", "IT")).Execute()
	check(err == nil, err)
	acme := client.NewSupplierCreate("Acme")
	acme.SetCountryCode("IT")
	supplier, _, err := api.SuppliersAPI.CreateSupplier(ctx).SupplierCreate(*acme).Execute()
	check(err == nil && *supplier.CountryCode.Get() == "IT", err)
	red, _, err := api.TagsAPI.CreateTag(ctx).TagCreate(*client.NewTagCreate("red")).Execute()
	check(err == nil, err)

	pen := client.NewProductCreateWithRelated("Pen", "1.50", supplier.Id, "pen")
	pen.SetTagIds([]string{red.Id})
	product, _, err := api.ProductsAPI.CreateProduct(ctx).ProductCreateWithRelated(*pen).Execute()
	check(err == nil && product.TagIds[0] == red.Id, err)
	ink := client.NewProductCreateWithRelated("Ink", "1.50", 999, "ink")
	_, response, err := api.ProductsAPI.CreateProduct(ctx).ProductCreateWithRelated(*ink).Execute()
	check(response.StatusCode == 409 && problem(err).Type == "no_target", err)
	check(*problem(err).Loc[1].String == "supplier_id", err)

	listed, _, err := api.ProductsAPI.ReadProducts(ctx).Include([]string{"supplier", "supplier__country", "tags"}).
		TagsLimit(1).SupplierName("Acme").TagsAnyLabelIn([]string{"red"}).Sort([]string{"-supplier__name"}).Execute()
	check(err == nil && len(listed) == 1, err)
	check(listed[0].Supplier.Name == "Acme" && listed[0].Supplier.GetCountry().Name == "Italy", listed)
	check(listed[0].Tags[0].Label == "red" && !listed[0].GetTagsMore() && listed[0].TagsCount == 1, listed)
	check(!listed[0].HasCategory(), listed)

	_, _, err = api.ProductsAPI.SetProductTags(ctx, "pen").RequestBody([]string{}).Execute()
	check(err == nil, err)
	changed, _, err := api.ProductsAPI.AddProductTag(ctx, "pen", red.Id).Execute()
	check(err == nil && changed.Ok, err)
	tags, _, err := api.ProductsAPI.ListProductTags(ctx, "pen").Execute()
	check(err == nil && len(tags) == 1, err)

	ann := client.NewCustomerCreate("Ann", "ann@example.com", "password")
	customer, _, err := api.CustomersAPI.CreateCustomer(ctx).CustomerCreate(*ann).Execute()
	check(err == nil, err)
	body := client.NewOrderCreateWithRelated(customer.Id)
	body.SetLines([]client.LineCreateInOrder{*client.NewLineCreateInOrder("pen", "1.50")})
	order, _, err := api.OrdersAPI.CreateOrder(ctx).OrderCreateWithRelated(*body).Execute()
	check(err == nil && order.Lines[0].OrderId == order.Id, err)
	read, _, err := api.OrdersAPI.ReadOrder(ctx, order.Id).Include([]string{"lines", "lines__product"}).Execute()
	check(err == nil && read.Customer.Name == "Ann", err)
	check(read.Lines[0].Product.Name == "Pen" && read.LinesCount == 1, read)

	_, response, err = api.OrdersAPI.AddOrderLine(ctx, order.Id).
		LineCreateInOrder(*client.NewLineCreateInOrder("pen", "2.00")).Execute()
	check(response.StatusCode == 409 && problem(err).Type == "unique", err)
}

// problem returns the first problem of an error.
func problem(err error) client.ValidationError {
	var failed *client.GenericOpenAPIError
	check(errors.As(err, &failed), err)
	return failed.Model().(client.HTTPValidationError).Detail[0]
}

func check(condition bool, found interface{}) {
	if !condition {
		log.Fatalf("%v", found)
	}
}
