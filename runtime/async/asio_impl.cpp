// The one place where Asio's own code is compiled (BOOST_ASIO_SEPARATE_COMPILATION). Its TLS part is in runtime/net.
#include <boost/asio/impl/src.hpp>
