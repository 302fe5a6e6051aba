#include "fake_page.h"

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <numbers>

#include "media/rtp_ports.h"
#include "media/stun.h"

namespace trunkline::testing {

DtlsClient::DtlsClient(const pstn_webrtc::DtlsIdentity& identity) : ssl_(SSL_new(identity.context())) {
  BIO* in = BIO_new(BIO_s_mem());
  BIO_set_mem_eof_return(in, -1);
  SSL_set_bio(ssl_, in, BIO_new(BIO_s_mem()));
  SSL_set_mtu(ssl_, 1200);
  SSL_set_connect_state(ssl_);
}

DtlsClient::~DtlsClient() { SSL_free(ssl_); }

std::vector<std::uint8_t> DtlsClient::pending() {
  std::vector<std::uint8_t> out(8192);
  const int size = BIO_read(SSL_get_wbio(ssl_), out.data(), static_cast<int>(out.size()));
  out.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return out;
}

std::vector<std::uint8_t> DtlsClient::take(call_media::Bytes packet) {
  if (!packet.empty()) BIO_write(SSL_get_rbio(ssl_), packet.data(), static_cast<int>(packet.size()));
  if (SSL_do_handshake(ssl_) == 1) {
    std::array<char, 64> ignored;
    SSL_read(ssl_, ignored.data(), static_cast<int>(ignored.size()));
  }
  return pending();
}

bool DtlsClient::up() const { return SSL_is_init_finished(ssl_) == 1; }
bool DtlsClient::closed_by_peer() const { return (SSL_get_shutdown(ssl_) & SSL_RECEIVED_SHUTDOWN) != 0; }

std::vector<std::uint8_t> DtlsClient::close() {
  SSL_shutdown(ssl_);
  return pending();
}

pstn_webrtc::DtlsServer::Keys DtlsClient::keys() const {
  std::array<unsigned char, 60> bytes{};
  SSL_export_keying_material(ssl_, bytes.data(), bytes.size(), "EXTRACTOR-dtls_srtp", 19, nullptr, 0, 0);
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  return {std::string(text, 16) + std::string(text + 32, 14), std::string(text + 16, 16) + std::string(text + 46, 14)};
}

FakePage::FakePage(Way way) : way_(way), dtls_(identity_) {
  call_media::SrtpSession::initialise();
  const call_media::Endpoint here = *call_media::Endpoint::of(way == Way::kUdp6 ? "::1" : "127.0.0.1", 0);
  socket_ = ::socket(here.raw()->sa_family, (way == Way::kTcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
  ::bind(socket_, here.raw(), here.size());
  codec_ = call_media::Codec::make(call_media::CodecId::kOpus);
}

FakePage::~FakePage() { ::close(socket_); }

std::string FakePage::offer(const std::string& direction) const {
  return "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111 110\r\n"
         "c=IN IP4 0.0.0.0\r\na=ice-ufrag:page\r\na=ice-pwd:a/password/of/the/page/\r\na=fingerprint:" +
         fingerprint + "\r\na=setup:actpass\r\na=mid:0\r\na=" + direction +
         "\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n";
}

void FakePage::send(call_media::Bytes packet) const {
  if (packet.empty()) return;
  std::vector<std::uint8_t> bytes(packet.begin(), packet.end());
  if (way_ == Way::kTcp)
    bytes.insert(bytes.begin(), {static_cast<std::uint8_t>(packet.size() >> 8), static_cast<std::uint8_t>(packet.size())});
  (void)::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

std::vector<std::uint8_t> FakePage::receive() {
  pollfd ready{socket_, POLLIN, 0};
  while (way_ == Way::kTcp) {
    if (const auto found = frames_.front()) {
      std::vector<std::uint8_t> packet(found->begin(), found->end());
      frames_.pop();
      return packet;
    }
    const auto space = frames_.space();
    const ssize_t size = ::poll(&ready, 1, 100) == 1 ? ::recv(socket_, space.data(), space.size(), 0) : 0;
    if (size <= 0) return {};
    frames_.filled(static_cast<std::size_t>(size));
  }
  std::vector<std::uint8_t> packet(1500);
  const ssize_t size = ::poll(&ready, 1, 100) == 1 ? ::recv(socket_, packet.data(), packet.size(), 0) : 0;
  packet.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
  return packet;
}

bool FakePage::check(bool nominates) {
  const std::string user = their_user_ + ":page";
  call_media::StunCheck wanted;
  wanted.transaction.fill(7);
  wanted.username = user;
  wanted.nominates = nominates;
  std::array<std::uint8_t, 256> packet{};
  const std::size_t size = call_media::write_check(packet, wanted, their_password_);
  send(call_media::Bytes(packet).first(size));
  for (int i = 0; i < 20; ++i) {
    const auto answer = receive();
    if (answer.size() > 20 && answer[0] == 1 && answer[1] == 1) return true;
  }
  return false;
}

bool FakePage::connect(const std::string& answer) {
  const auto value = [&](const std::string& name) {
    const auto at = answer.find(name) + name.size();
    return answer.substr(at, answer.find_first_of(" \r", at) - at);
  };
  their_user_ = value("a=ice-ufrag:");
  their_password_ = value("a=ice-pwd:");
  std::string port = value("m=audio ");
  if (way_ == Way::kTcp) {
    const std::size_t at = answer.find(" 127.0.0.1 ", answer.find(" 1 tcp ")) + 11;
    port = answer.substr(at, answer.find(' ', at) - at);
  }
  const auto there =
      call_media::Endpoint::of(way_ == Way::kUdp6 ? "::1" : "127.0.0.1", static_cast<std::uint16_t>(std::stoi(port)));
  if (::connect(socket_, there->raw(), there->size()) != 0 || !check(true)) return false;
  send(dtls_.take({}));
  for (int i = 0; i < 100 && !dtls_.up(); ++i) {
    const auto packet = receive();
    if (call_media::is_dtls(packet)) send(dtls_.take(packet));
  }
  if (!dtls_.up()) return false;
  const auto keys = dtls_.keys();
  protect_ = std::make_unique<call_media::SrtpSession>(keys.send, true);
  unprotect_ = std::make_unique<call_media::SrtpSession>(keys.receive, false);
  return true;
}

void FakePage::say(double hz) {
  call_media::Frame frame{};
  for (std::int16_t& sample : frame)
    sample = static_cast<std::int16_t>(8000 *
                                       std::sin(2 * std::numbers::pi * hz * static_cast<double>(said_++) / call_media::kMixRate));
  std::array<std::uint8_t, 1500> packet{};
  call_media::write_rtp_header(std::span(packet).first<12>(), {false, 111, sequence_++, timestamp_ += 960, 4711});
  std::size_t size = 12 + codec_->encode(frame, std::span(packet).subspan<12, call_media::Codec::kMaxEncoded>());
  if (protect_->protect(packet.data(), size)) send(call_media::Bytes(packet).first(size));
}

bool FakePage::is_silent() {
  for (int packets = 0; packets < 100; ++packets) {
    heard_any_ = false;
    auto packet = receive();
    if (packet.empty()) return true;  // 100 ms, five frames
    take_sound(std::move(packet));
  }
  return false;
}

void FakePage::press(char digit) {
  for (const bool end : {false, true}) {
    std::array<std::uint8_t, 100> packet{};
    call_media::write_rtp_header(std::span(packet).first<12>(), {!end, 110, sequence_++, timestamp_, 4711});
    call_media::write_event(std::span(packet).subspan<12, 4>(), {digit, end, 10, 4800});
    std::size_t size = 16;
    if (protect_->protect(packet.data(), size)) send(call_media::Bytes(packet).first(size));
  }
}

void FakePage::take_sound(std::vector<std::uint8_t> packet) {
  std::size_t size = packet.size();
  if (call_media::is_rtcp(packet) || !unprotect_->unprotect(packet.data(), size)) return;
  const auto rtp = call_media::parse_rtp(call_media::Bytes(packet).first(size));
  if (!rtp || rtp->header.payload_type != 111) return;
  std::array<std::int16_t, call_media::Codec::kMaxDecoded> sound;
  if (codec_->decode(rtp->payload, sound) != heard_.size()) return;
  std::copy_n(sound.begin(), heard_.size(), heard_.begin());
  heard_any_ = true;
}

void FakePage::step(double tone_hz) {
  const auto packet = receive();
  if (packet.empty()) return;
  if (call_media::is_dtls(packet)) return send(dtls_.take(packet));
  take_sound(packet);
  say(tone_hz);
}

bool FakePage::talk(double tone_hz, const std::function<bool()>& done) {
  for (int i = 0; i < 1000 && !done(); ++i) step(tone_hz);
  return done();
}

bool FakePage::hears(double hz, double says_hz) {
  return talk(says_hz, [&] { return heard(hz); });
}

bool FakePage::is_closed() {
  return talk(0, [&] { return dtls_.closed_by_peer(); });
}

void FakePage::close() { send(dtls_.close()); }

}  // namespace trunkline::testing
