#include "smtp_door.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <set>
#include <thread>

#include "smtp_session.h"
#include "trunkline/error.hpp"

namespace email_sandbox {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

struct SmtpDoor::Impl : std::enable_shared_from_this<Impl> {
  explicit Impl(Options o) : options(std::move(o)), acceptor(context) {}

  void accept() {
    acceptor.async_accept([this](error_code error, tcp::socket socket) {
      if (error || closed) return;
      auto session = std::make_shared<SmtpSession>(std::move(socket), options);
      std::erase_if(sessions, [](const std::weak_ptr<SmtpSession>& one) { return one.expired(); });
      sessions.push_back(session);
      session->start();
      accept();
    });
  }

  Options options;  // before what refers to it
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  tcp::acceptor acceptor;
  std::vector<std::weak_ptr<SmtpSession>> sessions;
  bool closed = false;
  std::string address;
  std::thread thread;
};

SmtpDoor::SmtpDoor(Options options) : impl_(std::make_shared<Impl>(std::move(options))) {
  Impl& impl = *impl_;
  const std::string where = impl.options.host + ":" + std::to_string(impl.options.port);
  try {
    const tcp::endpoint endpoint(asio::ip::make_address(impl.options.host), impl.options.port);
    impl.acceptor.open(endpoint.protocol());
    impl.acceptor.set_option(tcp::acceptor::reuse_address(true));
    impl.acceptor.bind(endpoint);
    impl.acceptor.listen();
    impl.address = impl.options.host + ":" + std::to_string(impl.acceptor.local_endpoint().port());
  } catch (const boost::system::system_error& error) {
    throw trunkline::Error(trunkline::ErrorCode::kUnavailable, "cannot take mail at " + where + ": " + error.code().message(),
                           "smtp_port");
  }
  impl.accept();
  impl.thread = std::thread([this_impl = impl_.get()] { this_impl->context.run(); });
}

SmtpDoor::~SmtpDoor() {
  close();
  impl_->work.reset();
  impl_->context.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

std::string SmtpDoor::address() const { return impl_->address; }

bool SmtpDoor::is_own_thread() const { return std::this_thread::get_id() == impl_->thread.get_id(); }

void SmtpDoor::close() {
  asio::post(impl_->context, [impl = impl_.get()] {
    impl->closed = true;
    error_code ignored;
    impl->acceptor.close(ignored);
    for (const std::weak_ptr<SmtpSession>& one : impl->sessions)
      if (const auto session = one.lock()) session->close();
  });
}

}  // namespace email_sandbox
