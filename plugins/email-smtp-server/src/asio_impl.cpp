// Asio's own code, compiled once for this plugin (BOOST_ASIO_SEPARATE_COMPILATION). It shares nothing with the host's.
#include <utility>  // Boost 1.81 wants it first with GCC 12

#include <boost/asio/impl/src.hpp>
#include <boost/asio/ssl/impl/src.hpp>
