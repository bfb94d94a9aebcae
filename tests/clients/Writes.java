import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.concurrent.CompletableFuture;
import java.util.stream.Stream;

/** Java's own HTTP client with its defaults: it offers HTTP/2 (h2c) in the first request of each connection. */
class Writes {
    private static final String CREDENTIALS = "/organizations/config/external-credentials";

    /** Creates `count` credentials back to back and `count` at the same time; fails unless all are created. */
    public static void main(String[] arguments) throws Exception {
        String url = arguments[0] + CREDENTIALS;
        int count = Integer.parseInt(arguments[3]);
        HttpClient client = HttpClient.newHttpClient();
        for (int nth = 0; nth < count; nth++) {
            check(client.send(request(url, arguments, nth), HttpResponse.BodyHandlers.ofString()));
        }
        Stream.iterate(0, nth -> nth + 1).limit(count)
            .map(nth -> client.sendAsync(request(url, arguments, nth), HttpResponse.BodyHandlers.ofString()))
            .toList().stream().map(CompletableFuture::join).forEach(Writes::check);
    }

    private static HttpRequest request(String url, String[] arguments, int nth) {
        String body = "{\"extcred_provider\":\"generic\",\"extcred_type\":\"api_key\","
            + "\"json_blob\":{\"api_key\":\"" + nth + "\"}}";
        return HttpRequest.newBuilder(URI.create(url))
            .header("SlashID-OrgID", arguments[1])
            .header("SlashID-API-Key", arguments[2])
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    }

    private static void check(HttpResponse<String> response) {
        if (response.statusCode() != 201) {
            throw new IllegalStateException(response.statusCode() + " " + response.body());
        }
    }
}
