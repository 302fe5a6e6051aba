#include "runtime/flowtest/mock_sender.h"

#include <re2/re2.h>

#include "runtime/base/strings.h"

namespace trunkline::flowtest {
namespace {

Value body_of(const net::ClientRequest& request) {
  if (request.body.empty()) return nullptr;
  try {
    if (ifind(request.headers.get("Content-Type"), "json") != std::string_view::npos)
      return expression::parse_value(request.body);
  } catch (const Error&) {
    // Then it is a text like any other.
  }
  return request.body;
}

Result<net::ClientResponse> answer_of(const Value& response) {
  if (response.contains("fault"))
    return Error(ErrorCode::kUnavailable, "the connection was broken, as the test says").with_retry();
  net::ClientResponse out;
  out.status = response.value("status", 200);
  if (const auto headers = response.find("headers"); headers != response.end() && headers->is_object())
    for (const auto& header : headers->items()) out.headers.add(header.key(), expression::to_text(header.value()));
  const auto body = response.find("body");
  if (body == response.end() || body->is_null()) return out;
  out.body = body->is_string() ? body->get<std::string>() : expression::to_json_text(*body);
  if (!out.headers.has("Content-Type")) out.headers.set("Content-Type", body->is_string() ? "text/plain" : "application/json");
  return out;
}

}  // namespace

MockSender::MockSender(Executor& executor, Clock& clock, const Value& mocks) : executor_(executor), clock_(clock) {
  if (!mocks.is_array()) return;
  for (const Value& mock : mocks) {
    Mock made;
    made.method = mock.value("method", "");
    const std::string pattern = mock.value("urlPattern", "");
    const auto url = std::make_shared<re2::RE2>(pattern, re2::RE2::Quiet);
    if (!url->ok())
      throw Error(ErrorCode::kInvalidArgument, "'" + pattern + "' is no regular expression: " + url->error(), "httpMocks");
    made.url = url;
    made.responses = mock.contains("responses") ? mock["responses"] : Value::array();
    if (!made.responses.is_array() || made.responses.empty())
      throw Error(ErrorCode::kInvalidArgument, "a mock has no responses", "httpMocks");
    for (const Value& response : made.responses)
      if (response.contains("fault") && response["fault"] != "connection")
        throw Error(ErrorCode::kInvalidArgument, "the fault of a mock is 'connection', and no other", "httpMocks");
    mocks_.push_back(std::move(made));
  }
}

void MockSender::start_send(net::ClientRequest request, UniqueFunction<void(Result<net::ClientResponse>)> done) {
  Result<net::ClientResponse> answer =
      Error(ErrorCode::kUnavailable, "no mock of the test fits " + request.method + " " + request.url);
  {
    const std::lock_guard lock(mutex_);
    has_more_ = false;
    Call call{request.method, request.url, clock_.now(), body_of(request)};
    for (Mock& mock : mocks_) {
      if ((!mock.method.empty() && !iequals(mock.method, request.method)) || !re2::RE2::FullMatch(request.url, *mock.url))
        continue;
      answer = answer_of(mock.responses[std::min(mock.next, mock.responses.size() - 1)]);
      ++mock.next;
      has_more_ = mock.next < mock.responses.size();
      call.answered = true;
      break;
    }
    calls_.push_back(std::move(call));
  }
  if (on_request_) on_request_(request);
  executor_.post([done = std::move(done), answer = std::move(answer)]() mutable { done(std::move(answer)); });
}

bool MockSender::has_more() const {
  const std::lock_guard lock(mutex_);
  return has_more_;
}

std::vector<MockSender::Call> MockSender::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

}  // namespace trunkline::flowtest
