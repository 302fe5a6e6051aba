// The bodies of Beast and of Asio's TLS part, compiled once (BOOST_*_SEPARATE_COMPILATION). Asio itself: runtime/async.
#include <utility>  // Boost 1.81 wants it first with GCC 12

#include <boost/asio/ssl/impl/src.hpp>
#include <boost/beast/src.hpp>
