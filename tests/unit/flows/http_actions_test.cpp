// HTTP actions against a server that is one.
#include "runtime/flows/http_actions.h"

#include "runtime/base/encoding.h"
#include "runtime/base/strings.h"
#include "runtime/crypto/jwt.h"
#include "runtime/net/http_client.h"
#include "runtime/net/http_server.h"
#include "tests/unit/crypto/pfx.h"
#include "tests/unit/flows/flows_fixture.h"

namespace trunkline::flows {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using workflow::Status;

/// Keeps what it was asked, and answers by a function.
class RealServer {
 public:
  using Answer = std::function<net::Response(const net::Request&)>;
  explicit RealServer(Answer answer)
      : answer_(std::move(answer)),
        server_(executor_, clock_, log_, {}, [this](net::Request& request) { return handle(request); }) {
    port_ = server_.start().http;
  }
  ~RealServer() {
    client_.stop();
    server_.stop();
    clock_.stop();
    executor_.stop();
  }
  net::HttpSender& client() { return client_; }
  std::string url(const std::string& path) const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  std::vector<net::Request> requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  Task<net::Response> handle(net::Request& request) {
    {
      const std::lock_guard lock(mutex_);
      requests_.push_back(request);
    }
    co_return answer_(request);
  }

  static LogOptions quiet() {
    LogOptions out;
    out.level = LogLevel::kOff;
    return out;
  }

  const Answer answer_;
  Log log_{quiet()};
  Executor executor_{2};
  Clock clock_{executor_, Clock::Mode::kReal, {}};
  mutable std::mutex mutex_;
  std::vector<net::Request> requests_;
  net::HttpServer server_;
  net::HttpClient client_{executor_};
  std::uint16_t port_ = 0;
};

net::Response answer(int status, std::string body = "", std::string type = "application/json") {
  net::Response out;
  out.status = status;
  out.body = std::move(body);
  out.content_type = std::move(type);
  return out;
}

net::Response with(net::Response response, std::string name, std::string value) {
  response.headers.add(std::move(name), std::move(value));
  return response;
}

class HttpActionsTest : public FlowsTest {
 protected:
  void serve(RealServer::Answer answer) {
    server_ = std::make_unique<RealServer>(std::move(answer));
    open();
    life_->http.forward = &server_->client();
  }
  void TearDown() override {
    FlowsTest::TearDown();
    server_.reset();
  }
  /// One HTTP action with these inputs, `%` standing for the server's address; the run when it has ended.
  RunView call(std::string inputs, const std::string& more = "") {
    for (std::size_t at = inputs.find('%'); at != std::string::npos; at = inputs.find('%', at))
      inputs.replace(at, 1, server_->url(""));
    const WorkflowPtr workflow = deploy(definition(R"j({"Call":{"type":"Http","inputs":)j" + inputs + more + "}}"));
    start(workflow);
    for (int i = 0; i < 50 && !runs(workflow).back().ended; ++i) advance(std::chrono::seconds{10});
    return last_view(workflow);
  }
  static std::string header(const net::Request& request, const char* name) { return std::string(request.headers.get(name)); }

  std::unique_ptr<RealServer> server_;
};

TEST_F(HttpActionsTest, FollowsAnAsynchronousOperation) {
  int looked = 0;
  serve([&looked](const net::Request& request) {
    if (request.method == "POST") return with(with(answer(202), "Location", "/operations/1"), "Retry-After", "5");
    return ++looked < 3 ? with(answer(202), "Retry-After", "5") : answer(200, R"j({"done":true})j");
  });
  const RunView view = call(R"j({"method":"POST","uri":"%/start","body":{"a":1},
      "authentication":{"type":"Basic","username":"u","password":"p"}})j");
  EXPECT_EQ((*view.action("Call")->outputs)["body"]["done"], true);
  const std::vector<net::Request> all = server_->requests();
  ASSERT_THAT(all, SizeIs(4));
  for (const net::Request& one : all) EXPECT_EQ(header(one, "Authorization"), "Basic " + base64_encode("u:p"));
  EXPECT_EQ(all[1].method, "GET");
  EXPECT_EQ(all[1].path(), "/operations/1");
  EXPECT_EQ(*view.row().ended - view.row().started >= std::chrono::seconds{15}, true);
}

TEST_F(HttpActionsTest, LeavesAnAsynchronousOperationAloneWhenToldTo) {
  serve([](const net::Request&) { return with(answer(202), "Location", "/operations/1"); });
  const RunView view = call(R"j({"method":"POST","uri":"%/start"})j", R"j(,"operationOptions":"DisableAsyncPattern")j");
  EXPECT_EQ(view.action("Call")->code, "Accepted");
  EXPECT_THAT(server_->requests(), SizeIs(1));
}

TEST_F(HttpActionsTest, RetriesWhatMayHelpAndSaysHowOften) {
  int asked = 0;
  serve([&asked](const net::Request&) { return ++asked < 3 ? answer(503, R"j({"busy":true})j") : answer(200, "{}"); });
  const RunView view = call(R"j({"method":"GET","uri":"%/","retryPolicy":{"type":"fixed","count":3,"interval":"PT10S"}})j");
  EXPECT_EQ(view.action("Call")->status, Status::kSucceeded);
  EXPECT_EQ(asked, 3);
}

TEST_F(HttpActionsTest, ReadsALargeAnswerInRanges) {
  const std::string content = "0123456789abcdefghij!";
  serve([&content](const net::Request& request) {
    const std::string range(request.headers.get("Range"));
    std::size_t from = 0, last = 7;
    if (range.starts_with("bytes=")) {
      from = std::stoul(range.substr(6));
      last = std::stoul(range.substr(range.find('-') + 1));
    }
    last = std::min(last, content.size() - 1);
    return with(answer(206, content.substr(from, last - from + 1), "text/plain"), "Content-Range",
                "bytes " + std::to_string(from) + "-" + std::to_string(last) + "/" + std::to_string(content.size()));
  });
  const RunView view =
      call(R"j({"method":"GET","uri":"%/big"})j", R"j(,"runtimeConfiguration":{"contentTransfer":{"transferMode":"Chunked"}})j");
  EXPECT_EQ(view.action("Call")->code, "OK");
  EXPECT_EQ((*view.action("Call")->outputs)["body"], content);
  EXPECT_THAT(server_->requests(), SizeIs(3));
}

TEST_F(HttpActionsTest, SendsALargeBodyInChunksAsLargeAsItIsAsked) {
  serve([](const net::Request& request) {
    if (request.method == "POST") return with(with(answer(200), "Location", "/upload/1"), "x-ms-chunk-size", "4");
    // It takes less than it was given once, and asks for more at a time from then on.
    const std::string range(request.headers.get("Content-Range"));
    if (range.starts_with("bytes 0-")) return with(with(answer(200), "Range", "bytes=0-2"), "x-ms-chunk-size", "6");
    return answer(200, R"j({"stored":true})j");
  });
  const RunView view = call(R"j({"method":"POST","uri":"%/files","headers":{"Content-Type":"text/plain"},"body":"0123456789"})j",
                            R"j(,"runtimeConfiguration":{"contentTransfer":{"transferMode":"Chunked"}})j");
  EXPECT_EQ(view.action("Call")->status, Status::kSucceeded);
  const std::vector<net::Request> all = server_->requests();
  ASSERT_THAT(all, SizeIs(4));
  EXPECT_EQ(all[0].body, "");
  EXPECT_EQ(header(all[0], "x-ms-transfer-mode"), "chunked");
  EXPECT_EQ(header(all[0], "x-ms-content-length"), "10");
  EXPECT_EQ(all[1].body + "|" + all[2].body + "|" + all[3].body, "0123|345678|9");
  EXPECT_EQ(header(all[2], "Content-Range"), "bytes 3-8/10");
  EXPECT_EQ(all[3].method, "PATCH");
}

TEST_F(HttpActionsTest, TurnsPages) {
  serve([](const net::Request& request) {
    if (request.target == "/list") return answer(200, R"j({"value":[1,2],"nextLink":"/list?page=2"})j");
    if (request.target == "/list?page=2") return answer(200, R"j({"value":[3,4],"@odata.nextLink":"/list?page=3"})j");
    return answer(200, R"j({"value":[5]})j");
  });
  const char* more = R"j(,"runtimeConfiguration":{"paginationPolicy":{"minimumItemCount":%}})j";
  const auto pages = [&](const char* count) {
    std::string policy = more;
    policy.replace(policy.find('%'), 1, count);
    return expression::to_json_text(*call(R"j({"method":"GET","uri":"%/list"})j", policy).action("Call")->outputs->find("body"));
  };
  EXPECT_EQ(pages("100"), R"j({"value":[1,2,3,4,5]})j");
  EXPECT_EQ(pages("3"), R"j({"value":[1,2,3,4]})j") << "whole pages";
}

TEST_F(HttpActionsTest, ProvesWhoItIs) {
  serve([](const net::Request& request) {
    if (request.path() == "/contoso/oauth2/token")
      return answer(200, R"j({"access_token":"of the directory","expires_in":"3600"})j");
    return answer(200, "{}");
  });
  const auto last_authorization = [&](const std::string& authentication) {
    const RunView view = call(R"j({"method":"GET","uri":"%/","authentication":)j" + authentication + "}");
    if (view.action("Call")->status != Status::kSucceeded) return view.action("Call")->error["code"].get<std::string>();
    return header(server_->requests().back(), "Authorization");
  };
  EXPECT_EQ(last_authorization(R"j({"type":"Raw","value":"Key 7"})j"), "Key 7");
  const std::string directory =
      R"j({"type":"ActiveDirectoryOAuth","authority":"%","tenant":"contoso","audience":"https://a.example","clientId":"c","secret":"s&t"})j";
  EXPECT_EQ(last_authorization(directory), "Bearer of the directory");
  EXPECT_EQ(last_authorization(directory), "Bearer of the directory");
  int asked = 0;
  for (const net::Request& one : server_->requests()) {
    if (one.path() != "/contoso/oauth2/token") continue;
    ++asked;
    EXPECT_EQ(one.body, "grant_type=client_credentials&client_id=c&client_secret=s%26t&resource=https%3A%2F%2Fa.example");
  }
  EXPECT_EQ(asked, 1) << "a token is kept while it is good";
  EXPECT_EQ(last_authorization(R"j({"type":"ClientCertificate","pfx":"AA==","password":"x"})j"), "InvalidClientCertificate");
  EXPECT_EQ(last_authorization(R"j({"type":"ClientCertificate","pfx":"%%","password":"x"})j"), "InvalidClientCertificate");
  EXPECT_EQ(last_authorization(R"j({"type":"ManagedServiceIdentity","audience":"https://a.example"})j"),
            "ManagedIdentityNotAvailable");
  EXPECT_EQ(last_authorization(R"j({"type":"None"})j"), "");
}

TEST_F(HttpActionsTest, UsesAManagedIdentityWhereThereIsOne) {
  options_.http.managed_identity = [](std::string audience, std::string identity) -> Task<std::string> {
    co_return "for " + audience + identity;
  };
  serve([](const net::Request&) { return answer(200, "{}"); });
  call(R"j({"method":"GET","uri":"%/","authentication":{"type":"ManagedServiceIdentity","audience":"me"}})j");
  EXPECT_EQ(header(server_->requests().back(), "Authorization"), "Bearer for me");
}

TEST_F(HttpActionsTest, SignsForADirectoryWithACertificate) {
  serve([](const net::Request&) { return answer(200, R"j({"access_token":"signed for","expires_in":"3600"})j"); });
  const testing::Pfx pfx = testing::make_pfx("workflow", "open");
  const RunView view = call(R"j({"method":"GET","uri":"%/","authentication":{"type":"ActiveDirectoryOAuth","authority":"%",
      "tenant":"contoso","audience":"https://a.example","clientId":"c","pfx":")j" +
                            base64_encode(pfx.der) + R"j(","password":"open"}})j");
  ASSERT_EQ(view.action("Call")->status, Status::kSucceeded);
  EXPECT_EQ(header(server_->requests().back(), "Authorization"), "Bearer signed for");
  const net::Request asked = server_->requests().front();
  EXPECT_THAT(asked.body, HasSubstr("client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer"));
  const std::string begin = "&client_assertion=";
  const std::size_t at = asked.body.find(begin) + begin.size();
  const std::string assertion = asked.body.substr(at, asked.body.find('&', at) - at);
  const crypto::JwtKey key{"", jose::PublicKey::from_der(pfx.public_key_der)};
  crypto::JwtChecks checks;
  checks.now = life_->clock.now();
  checks.issuer = "c";
  checks.audiences = {server_->url("/contoso/oauth2/token")};
  EXPECT_EQ(crypto::verify_jwt({&key, 1}, assertion, checks)["sub"], "c");
}

TEST_F(HttpActionsTest, SaysWhatADirectoryRefused) {
  serve([](const net::Request&) { return answer(401, R"j({"error":"invalid_client"})j"); });
  const RunView view = call(
      R"j({"method":"GET","uri":"%/","authentication":{"type":"ActiveDirectoryOAuth","authority":"%","tenant":"t","clientId":"c","secret":"s"}})j");
  EXPECT_EQ(view.action("Call")->error["code"], "AuthorizationFailed");
  EXPECT_THAT(view.action("Call")->error["message"].get<std::string>(), HasSubstr("401"));
}

TEST_F(HttpActionsTest, SendsAndReadsMultipartBodies) {
  serve([](const net::Request& request) { return answer(200, request.body, std::string(request.headers.get("Content-Type"))); });
  const RunView view = call(R"j({"method":"POST","uri":"%/form","body":{"$content-type":"multipart/form-data","$multipart":[
      {"headers":{"Content-Disposition":"form-data; name=\"a\""},"body":"text"},
      {"headers":{"Content-Disposition":"form-data; name=\"f\"; filename=\"x.bin\""},
       "body":{"$content-type":"application/octet-stream","$content":"AAEC/w=="}}]}})j");
  EXPECT_THAT(header(server_->requests()[0], "Content-Type"), HasSubstr("multipart/form-data; boundary="));
  EXPECT_THAT(server_->requests()[0].body, HasSubstr("Content-Disposition: form-data; name=\"a\"\r\n"));
  EXPECT_THAT(server_->requests()[0].body, HasSubstr(std::string("\r\n\r\n\0\1\2\xff\r\n", 10)));
  const Value parts = (*view.action("Call")->outputs)["body"]["$multipart"];
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0]["body"], "text");
  EXPECT_EQ(parts[1]["body"]["$content"], "AAEC/w==");
}

TEST_F(HttpActionsTest, SendsItsCookieAndReadsTypesOfContent) {
  serve([](const net::Request& request) {
    if (request.path() == "/form") return answer(200, "a=1&b=x+y", "application/x-www-form-urlencoded");
    if (request.path() == "/xml") return answer(200, "<a/>", "application/xml");
    return with(with(answer(200, "plain", "text/plain"), "Set-Cookie", "a=1"), "Set-Cookie", "b=2");
  });
  const RunView plain = call(R"j({"method":"GET","uri":"%/text","cookie":"session=7","queries":{"q":"a b&c","n":null},
      "headers":{"Accept-Language":"de","X-Own":"1","Host":"elsewhere.example"}})j");
  const net::Request asked = server_->requests()[0];
  EXPECT_EQ(header(asked, "Cookie"), "session=7");
  EXPECT_EQ(header(asked, "X-Own"), "1");
  EXPECT_EQ(asked.target, "/text?q=a%20b%26c");
  EXPECT_THAT(header(asked, "Host"), Not(HasSubstr("elsewhere")));
  EXPECT_EQ((*plain.action("Call")->outputs)["body"], "plain");
  const RunView form = call(R"j({"method":"GET","uri":"%/form"})j");
  EXPECT_EQ((*form.action("Call")->outputs)["body"]["$formdata"][1]["value"], "x y");
  const RunView xml = call(R"j({"method":"GET","uri":"%/xml"})j");
  EXPECT_EQ((*xml.action("Call")->outputs)["body"]["$content"], base64_encode("<a/>"));
}

TEST_F(HttpActionsTest, AnAddressHasTwoKilobytes) {
  serve([](const net::Request&) { return answer(200); });
  const std::string query = std::string(2048 - server_->url("/?q=").size(), 'x');
  EXPECT_EQ(call(R"j({"method":"GET","uri":"%/?q=)j" + query + R"j("})j").action("Call")->status, Status::kSucceeded);
  const RunView view = call(R"j({"method":"GET","uri":"%/","queries":{"q":")j" + query + R"j(y"}})j");
  EXPECT_EQ(view.action("Call")->status, Status::kFailed);
  EXPECT_THAT(view.action("Call")->error["message"].get<std::string>(), HasSubstr("2049 bytes"));
  EXPECT_THAT(server_->requests(), SizeIs(1));
}

TEST_F(HttpActionsTest, FailsWhenNobodyListens) {
  serve([](const net::Request&) { return answer(200); });
  const RunView view = call(R"j({"method":"GET","uri":"http://127.0.0.1:1/","retryPolicy":{"type":"none"}})j");
  EXPECT_EQ(view.action("Call")->code, "BadGateway");
  EXPECT_EQ(view.action("Call")->error["code"], "HttpRequestFailed");
}

}  // namespace
}  // namespace trunkline::flows
