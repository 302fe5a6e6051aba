#include "support/object.hpp"

#include "support/call.hpp"

namespace trunkline::node {

void Object::start(std::uint32_t op, Reader&, Request) {
  throw Error(ErrorCode::kInternal, "there is no operation " + std::to_string(op));
}
void Object::run(std::uint32_t op, Reader&, Writer&) {
  throw Error(ErrorCode::kInternal, "there is no operation " + std::to_string(op));
}

void read(Reader& in, Error& error) {
  error.code = static_cast<ErrorCode>(static_cast<std::int32_t>(in.number()));
  error.message = in.string();
  error.target = in.string();
  error.retryable = in.number() != 0;
  read(in, error.retry_after);
  error.provider_code = in.string();
  error.service_code = in.string();
  read(in, error.details);
}

void write(Writer& out, const Error& error) {
  out.number(static_cast<double>(static_cast<std::int32_t>(error.code)));
  out.string(error.message);
  out.string(error.target);
  out.number(error.retryable ? 1 : 0);
  write(out, error.retry_after);
  out.string(error.provider_code);
  out.string(error.service_code);
  write(out, error.details);
}

}  // namespace trunkline::node
